"""What a model is a model of: every name and file is of one kind of subject, and here is decided of which.

And what loads it: each kind has one function that finds a model by its name or file.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from snnhw.ann.model import AnnModel
    from snnhw.ann.presets import AnnPreset
    from snnhw.model import Model
    from snnhw.presets import Preset
    from snnhw.srbm.model import SrbmModel
    from snnhw.srbm.presets import SrbmPreset
    from snnhw.stdp.model import StdpModel
    from snnhw.stdp.presets import StdpPreset

__all__ = ["RESOLVERS", "SubjectKind", "load_subject", "preset_names", "preset_summary", "subject_kind"]


class SubjectKind(StrEnum):
    """The kinds of subjects, by what a person calls them."""

    NETWORK = "network"
    """Layers of spiking neurons, trained elsewhere: :class:`snnhw.model.Model`."""
    SRBM = "spiking RBM"
    """A machine that learns in its own circuit: :class:`snnhw.srbm.model.SrbmModel`."""
    STDP = "learner by STDP"
    """A layer of neurons that compete, and learn in their own circuit: :class:`snnhw.stdp.model.StdpModel`."""
    ANN = "network in floating point"
    """Layers of artificial neurons, from which spiking ones are made: :class:`snnhw.ann.model.AnnModel`."""


RESOLVERS: Mapping[SubjectKind, str] = MappingProxyType(
    {
        SubjectKind.NETWORK: "snnhw.presets.resolve_model",
        SubjectKind.SRBM: "snnhw.srbm.presets.resolve_srbm",
        SubjectKind.STDP: "snnhw.stdp.presets.resolve_stdp",
        SubjectKind.ANN: "snnhw.ann.presets.resolve_ann",
    }
)
"""The function that loads a model of each kind, by its name or file."""


def load_subject(name_or_path: str | Path) -> Model | SrbmModel | StdpModel | AnnModel:
    """The model of a name or in a file, of whatever kind; raises what its kind's function raises."""
    module, _, function = RESOLVERS[subject_kind(name_or_path)].rpartition(".")
    return cast("Model | SrbmModel | StdpModel | AnnModel", getattr(import_module(module), function)(name_or_path))


def preset_names(*kinds: SubjectKind) -> tuple[str, ...]:
    """The names of the presets of these kinds, whether their models ship or not."""
    return tuple(name for kind in kinds for name in _presets()[kind])


def preset_summary(name: str) -> str:
    """What a preset of any kind is, in a few words."""
    return next(presets[name].summary for presets in _presets().values() if name in presets)


def _presets() -> dict[SubjectKind, Mapping[str, Preset | SrbmPreset | StdpPreset | AnnPreset]]:
    from snnhw.ann.presets import ANN_PRESETS
    from snnhw.presets import PRESETS
    from snnhw.srbm.presets import SRBM_PRESETS
    from snnhw.stdp.presets import STDP_PRESETS

    return {
        SubjectKind.NETWORK: PRESETS,
        SubjectKind.SRBM: SRBM_PRESETS,
        SubjectKind.STDP: STDP_PRESETS,
        SubjectKind.ANN: ANN_PRESETS,
    }


def subject_kind(name_or_path: str | Path) -> SubjectKind:
    """Of which kind the model of a name or in a file is; what is no model is taken for a network's."""
    from snnhw.ann import model as ann
    from snnhw.container import kind_of
    from snnhw.srbm import model as srbm
    from snnhw.stdp import model as stdp

    named = {name: kind for kind in SubjectKind for name in preset_names(kind)}
    said = {srbm.KIND: SubjectKind.SRBM, stdp.KIND: SubjectKind.STDP, ann.KIND: SubjectKind.ANN}
    known = named.get(str(name_or_path)) or said.get(kind_of(name_or_path) or "")
    return known or SubjectKind.NETWORK
