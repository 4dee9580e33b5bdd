"""Weights as PyTorch saves them: a ``.pt`` or ``.pth`` file that holds a state_dict. It is read as weights only.

Beside a description it holds the description's tensors, integers by their names; alone it becomes a model as
:func:`snnhw.statedict.from_state_dict` makes one without options.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from snnhw.errors import DescriptionError, ModelError, ModelFileError, ToolMissingError
from snnhw.model import Model
from snnhw.statedict import check_state, from_state_dict, state_within, subscripts

__all__ = ["STATE_SUFFIXES", "is_state_file", "load_state_file", "read_state_file"]

STATE_SUFFIXES = (".pt", ".pth")
"""What the names of these files end with."""

LOG = logging.getLogger(__name__)
"""Says which part of a checkpoint was taken."""

_LONGEST = 200
"""Number of characters of a library's message that are quoted."""


def is_state_file(path: str | os.PathLike[str]) -> bool:
    """Whether a file is one of these by its name."""
    return Path(path).suffix.lower() in STATE_SUFFIXES


def read_state_file(path: str | os.PathLike[str]) -> Mapping[str, Any]:
    """The state_dict in a file, or in the checkpoint that it holds, which is then said.

    Raises ModelFileError where there is none, or more than weights, and ToolMissingError without PyTorch.
    """
    source = Path(path)
    if not source.is_file():
        raise ModelFileError(f"weights file {source} {'is a folder' if source.is_dir() else 'is not there'}")
    try:
        from snnhw.train.torchfile import DAMAGED, read
    except ImportError as error:
        raise ToolMissingError(
            f"{source} can be read with PyTorch alone ({error}): pip install 'snnhw[train]', or save the arrays as "
            ".npz beside a description"
        ) from error
    try:
        state = read(source)
    except DAMAGED as error:
        raise ModelFileError(_unreadable(source, error)) from error
    try:
        if isinstance(state, Mapping) and (inside := state_within(state)):
            for key in inside:
                state = state[key]
            LOG.warning("%s is a checkpoint: %s of it is taken", source, subscripts(inside))
        check_state(state)
    except (ModelError, RecursionError) as error:
        raise ModelFileError(f"{source}: {error}") from error
    return state  # type: ignore[no-any-return]


def load_state_file(path: str | os.PathLike[str]) -> Model:
    """The model of a file alone, with every option as it is unless told; raises as :func:`read_state_file`."""
    state = read_state_file(path)
    try:
        return from_state_dict(state, provenance={"state_dict": Path(path).name})
    except (ModelError, DescriptionError) as error:
        raise ModelFileError(
            f"{path}: {error}; what it does not say, say in Python: Model.from_state_dict(torch.load(...), ...), and "
            "write the model with save_model"
        ) from error


def _unreadable(source: Path, error: BaseException) -> str:
    """Why a file cannot be read, and what to do."""
    reason = " ".join(str(error).split())
    if any(word in reason for word in ("Unsupported global", "GLOBAL", "TorchScript")):
        return (
            f"{source} holds more than weights, such as a whole module, which would have to be executed: save the "
            "module's .state_dict() instead"
        )
    if "Weights only load failed" in reason:  # what follows is how to have a file executed
        reason = "it is damaged, or no file of torch's"
    return f"cannot read {source}: {reason[:_LONGEST] or type(error).__name__}; save the state_dict again"
