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


def subject_kind(name_or_path: str | Path) -> SubjectKind:
    """Of which kind the model of a name or in a file is; what is no model is taken for a network's."""
    from snnhw.srbm.model import is_srbm_file
    from snnhw.srbm.presets import SRBM_PRESETS

    srbm = str(name_or_path) in SRBM_PRESETS or is_srbm_file(name_or_path)
    return SubjectKind.SRBM if srbm else SubjectKind.NETWORK
