"""What a build keeps beside its bitstream, so that other weights can be put into it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from snnhw.errors import BoardError
from snnhw.files import write_atomically
from snnhw.fpga.blocks import Block, fill
from snnhw.fpga.memories import Memory
from snnhw.network import first_complaint

__all__ = ["BASE", "PLACED", "Base", "load"]

BASE, PLACED = "patch.json", "patch.placed"
"""The description, and the placed circuit with tags for the contents of its memories."""


class Base(BaseModel):
    """A circuit that was placed without the contents of its memories."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    circuit: str = ""
    """The digest of its Verilog, contents apart."""
    built_in: tuple[str, ...] = ()
    """Memories whose contents belong to the circuit."""
    blocks: tuple[Block, ...] = ()
    placed_sha256: str = ""

    def keep(self, placed: Path, folder: Path) -> None:
        """Write this, and the placed circuit, into the folder of a build."""
        text = placed.read_text()
        kept = self.model_copy(update={"placed_sha256": hashlib.sha256(text.encode()).hexdigest()})
        write_atomically(folder / PLACED, text)
        write_atomically(folder / BASE, kept.model_dump_json(indent=1) + "\n")

    def fill(self, placed: Path, family: str, memories: Mapping[str, Memory]) -> None:
        """Put contents into a placed circuit, in its file."""
        placed.write_text(fill(placed.read_text(), family, self.blocks, memories))


def load(folder: Path) -> Base:
    """What a build has kept. Raises BoardError where it is not there, or was changed."""
    try:
        base = Base.model_validate_json((folder / BASE).read_bytes())
        found = hashlib.sha256((folder / PLACED).read_bytes()).hexdigest()
    except FileNotFoundError as error:
        raise BoardError(f"{folder} holds nothing that can be patched: build it again") from error
    except ValidationError as error:
        raise BoardError(f"{folder / BASE} cannot be read ({first_complaint(error)}): build it again") from error
    if found != base.placed_sha256:
        raise BoardError(f"{folder / PLACED} was changed since it was built: build it again")
    return base
