"""The memories of weights in a circuit's Verilog: their contents, and the circuit apart from them.

Circuits are synthesised with placeholders in these memories. What synthesis makes of them then depends on no weight, so
that every model of the same circuit has the same netlist, but for contents.
"""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from snnhw.emission import EmittedCircuit
from snnhw.files import write_atomically

__all__ = ["Memory", "Split", "split"]

_MODULE = re.compile(r"^module \\?(\S+?) ?\(", re.MULTILINE)
_MEMORY = re.compile(
    r'  \(\* ram_style = "block" \*\)\n'
    r"  reg (?:\[(?P<high>\d+):0\] )?(?P<name>column_\d+) \[(?P<last>\d+):0\];\n"
    r"  initial begin\n(?P<init>(?:    .+\n)+)  end\n"
)
_FILE = re.compile(r'    \$readmemh\("(?P<file>.+?)", .*\);\n')
_WORD = re.compile(r"\] = \d+'h([0-9a-f]+);\n")


@dataclass(frozen=True)
class Memory:
    """The contents of a memory: words of so many bits."""

    bits: int
    words: tuple[int, ...]

    @property
    def text(self) -> str:
        """As ``$readmemh`` reads it."""
        return "".join(f"{word:x}\n" for word in self.words)

    def placeholder(self, name: str) -> Memory:
        """Another contents of this size, the same for every model, in which no column of bits is constant.

        What is constant would not stand in a memory after synthesis.
        """
        source = random.Random(name)
        mask = (1 << self.bits) - 1
        first, *others = (source.getrandbits(self.bits) for _ in self.words)
        return Memory(self.bits, (first, *others[:-1], ~first & mask))


_NONE: Mapping[str, Memory] = MappingProxyType({})


@dataclass(frozen=True)
class Split:
    """A circuit's Verilog without comments at its head, each memory's contents in a file of its name."""

    circuit: str
    memories: Mapping[str, Memory]
    """By module and name, such as ``snn.hidden.crossbar.weights_0.column_0``."""
    files: Mapping[str, str]
    """What the circuit reads besides, tables among it, by name."""

    @property
    def digest(self) -> str:
        """SHA-256 of the circuit apart from the contents of ``memories``."""
        return hashlib.sha256("".join([self.circuit, *self.files.values()]).encode()).hexdigest()

    def write(self, folder: Path, top: str, placeholders: Mapping[str, Memory] = _NONE) -> None:
        """Write ``top``.v and contents for yosys, which reads these from files far faster than from Verilog.

        ``placeholders`` stand in the place of the memories of their names.
        """
        write_atomically(folder / f"{top}.v", self.circuit)
        for name, memory in {**self.memories, **placeholders}.items():
            write_atomically(folder / f"{name}.hex", memory.text)
        for name, text in self.files.items():
            write_atomically(folder / name, text)


def split(verilog: str, files: Mapping[str, str], built_in: Collection[str] = ()) -> Split:
    """Take the memories of weights out of emitted Verilog; ``files`` are those that it reads, by name.

    Those of ``built_in``, and those of one word, which are no memories after synthesis, stay in the circuit.
    """
    circuit: list[str] = []
    memories: dict[str, Memory] = {}
    place = verilog.index("\nmodule ")
    modules = list(_MODULE.finditer(verilog))
    for found in _MEMORY.finditer(verilog):
        module = next(module[1] for module in reversed(modules) if module.start() < found.start())
        name = f"{module}.{found['name']}"
        memory = Memory(int(found["high"] or 0) + 1, tuple(_words(found["init"], files)))
        circuit.append(verilog[place : found.start("init")])
        if name in built_in or len(memory.words) == 1:
            circuit += (f"    {found['name']}[{index}] = {word};\n" for index, word in enumerate(memory.words))
        else:
            memories[name] = memory
            circuit.append(f'    $readmemh("{name}.hex", {found["name"]}, 0, {found["last"]});\n')
        place = found.end("init")
    whole = "".join([*circuit, verilog[place:]])
    apart = {f"{name}.hex" for name in memories}
    return Split(
        whole, memories, {name: text for name, text in files.items() if name not in apart and f'"{name}"' in whole}
    )


def split_emitted(emitted: EmittedCircuit, built_in: Collection[str] = ()) -> Split:
    """The same of a circuit that has just been emitted."""
    return split(emitted.verilog, emitted.memories, built_in)


def _words(initial: str, files: Mapping[str, str]) -> list[int]:
    """The contents that an initial block gives."""
    read = _FILE.fullmatch(initial)
    words = files[read["file"]].split() if read else _WORD.findall(initial)
    return [int(word, 16) for word in words]
