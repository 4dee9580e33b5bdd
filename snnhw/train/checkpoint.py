"""Checkpoints: all that a training needs in order to go on after an interruption as if there had been none."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, TypeVar

import torch

from snnhw.errors import ModelFileError
from snnhw.files import replacing
from snnhw.train.record import Record
from snnhw.train.torchfile import DAMAGED, read
from snnhw.wording import quoted

__all__ = ["CheckpointError", "check_identity", "read_checkpoint", "read_ended", "write_checkpoint"]

SCHEMA = 1
"""The version of the layout."""

Kept = TypeVar("Kept", bound=Record[Any])


class CheckpointError(ModelFileError):
    """A checkpoint that is damaged, or of another training."""


def write_checkpoint(path: str | os.PathLike[str], record: Record[Any], state: dict[str, Any]) -> None:
    """Write a training's record and state (by names: tensors, numbers, text, in dictionaries and lists).

    The file is complete or the one from before; raises OutputError where it cannot be written.
    """
    with replacing(path) as temporary:
        torch.save({"schema": SCHEMA, "record": record.model_dump_json(), "state": state}, temporary)


def read_checkpoint(
    path: str | os.PathLike[str], kind: type[Kept], names: tuple[str, ...]
) -> tuple[Kept, dict[str, Any]]:
    """The record, and the state of these names, in a checkpoint. Nothing in it is executed; raises CheckpointError."""
    try:
        content = read(path)
        if content["schema"] != SCHEMA:
            raise ValueError(f"its schema is {quoted(content['schema'])}, not {SCHEMA}")
        state: dict[str, Any] = {name: content["state"][name] for name in names}
        return kind.model_validate_json(content["record"]), state
    except DAMAGED as error:
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise CheckpointError(
            f"{path} is no checkpoint that can be read ({reason:.100}); remove it to train from the start"
        ) from error


def read_ended(path: str | os.PathLike[str], wanted: Kept) -> Kept:
    """The record in a file that a training which ended has left; raises CheckpointError where it is of another one."""
    anew = "give another name with --out, or say --overwrite to train anew"
    try:
        found = type(wanted).model_validate_json(Path(path).read_bytes())
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path} is no record of a training that can be read; {anew}") from error
    if difference := _first_difference(found, wanted):
        raise CheckpointError(f"{path} is of another training: its {difference}; {anew}")
    return found


def check_identity(path: str | os.PathLike[str], found: Record[Any], wanted: Record[Any]) -> None:
    """Check that a checkpoint is of the training that is wanted; raises CheckpointError that names what differs."""
    if difference := _first_difference(found, wanted):
        raise CheckpointError(
            f"{path} is of another training: its {difference}; remove it to train from the start, or choose as before "
            "to go on"
        )


def _first_difference(found: Record[Any], wanted: Record[Any]) -> str | None:
    """What two trainings differ in, in words; None where they are the same."""
    for name in ("network", "dataset_digest", "options"):
        before, now = (_plain(getattr(record, name)) for record in (found, wanted))
        if before != now:
            return _difference(name, before, now)
    return None


def _plain(value: Any) -> Any:
    return json.loads(value.model_dump_json() if hasattr(value, "model_dump_json") else json.dumps(value))


def _difference(name: str, before: Any, now: Any) -> str:
    """The first place where two documents differ, and what was there."""
    if isinstance(before, dict) and isinstance(now, dict) and before.keys() == now.keys():
        for key in before:
            if before[key] != now[key]:
                return _difference(f"{name}.{key}", before[key], now[key])
    if isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        for index, pair in enumerate(zip(before, now, strict=True)):
            if pair[0] != pair[1]:
                return _difference(f"{name}.{index}", *pair)
    return f"{name} is {quoted(before)}, not {quoted(now)}"
