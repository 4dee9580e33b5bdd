"""What a model is a model of: every name and file is of one kind of subject, and here is decided of which."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

__all__ = ["SubjectKind", "subject_kind"]


class SubjectKind(StrEnum):
    """The kinds of subjects, by what a person calls them."""

    NETWORK = "network"
    """Layers of spiking neurons, trained elsewhere: :class:`snnhw.model.Model`."""
    SRBM = "spiking RBM"
    """A machine that learns in its own circuit: :class:`snnhw.srbm.model.SrbmModel`."""
    STDP = "learner by STDP"
    """A layer of neurons that compete, and learn in their own circuit: :class:`snnhw.stdp.model.StdpModel`."""


def subject_kind(name_or_path: str | Path) -> SubjectKind:
    """Of which kind the model of a name or in a file is; what is no model is taken for a network's."""
    from snnhw.container import kind_of
    from snnhw.srbm import model as srbm
    from snnhw.srbm.presets import SRBM_PRESETS
    from snnhw.stdp import model as stdp
    from snnhw.stdp.presets import STDP_PRESETS

    named = {**dict.fromkeys(SRBM_PRESETS, SubjectKind.SRBM), **dict.fromkeys(STDP_PRESETS, SubjectKind.STDP)}
    said = {srbm.KIND: SubjectKind.SRBM, stdp.KIND: SubjectKind.STDP}
    known = named.get(str(name_or_path)) or said.get(kind_of(name_or_path) or "")
    return known or SubjectKind.NETWORK
