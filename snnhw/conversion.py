"""From an Amaranth component to the text of its Verilog, which every tool reads alike, and the contents of memories."""

from __future__ import annotations

import gc
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources

from amaranth.back import rtlil
from amaranth.hdl import Fragment, MemoryInstance, Shape, Value
from amaranth.lib.wiring import Component

from gateware.banks import BANK
from snnhw import yosys
from snnhw.errors import ToolError
from snnhw.naming import check_name

__all__ = ["Converted", "MemoryContents", "convert", "with_banks"]

_CELLS = object()
"""Stands for a platform in elaboration: where a layer wants a part's own cells, they are instantiated."""

_INTERNAL = ("generator", "top", "src", "amaranth.hierarchy", "amaranth.decoding")
"""Attributes that mean something to Amaranth alone."""

_REMOVE = " ".join(f"-remove {name}" for name in _INTERNAL)

_PASSES = ("proc -nomux -norom", "memory_collect", f"attrmap {_REMOVE}", f"attrmap -modattr {_REMOVE}")
"""What yosys does before it writes Verilog, as `amaranth.back.verilog` has it."""

_TRIGGER = re.compile(r"^  reg (\\\$auto\$verilog_backend\S+)  = 0;$", re.MULTILINE)
"""What yosys lets every ``always @*`` read, so that each runs at time 0."""


@dataclass(frozen=True)
class MemoryContents:
    """What a memory starts with: words of ``bits`` bits, by address."""

    module: str
    """Its module, such as ``snn.hidden.crossbar.weights_0``."""
    name: str
    """Its name there."""
    bits: int
    words: tuple[int, ...]

    @property
    def text(self) -> str:
        """As ``$readmemh`` reads it."""
        digits = -(-self.bits // 4)
        return "".join(f"{word:0{digits}x}\n" for word in self.words)


@dataclass(frozen=True)
class Converted:
    """The Verilog of a component, and the memories in it that do not start as zeros."""

    text: str
    memories: tuple[MemoryContents, ...]

    def apart(self) -> tuple[str, dict[str, str]]:
        """The Verilog with these memories read from files, and the files by name.

        Raises ToolError where a memory does not stand in the Verilog as yosys writes one.
        """
        text, files = self.text, {}
        for memory in self.memories:
            file = f"{memory.module}.{memory.name}.hex"
            name = memory.name if memory.name.isidentifier() else f"\\{memory.name} "
            start, end = _module(text, memory.module)
            declared = rf"^  reg (?:\[\d+:0\] )?{re.escape(name)} \[{len(memory.words) - 1}:0\];\n  initial begin\n"
            words = rf"(?:    {re.escape(name)}\[\d+\] = .+\n){{{len(memory.words)}}}(?=  end\n)"
            found = re.compile(f"({declared}){words}", re.MULTILINE).search(text, start, end)
            if found is None:
                raise ToolError(f"the Verilog of {memory.module} does not hold the words of {memory.name}: {_REPORT}")
            read = f'    $readmemh("{file}", {name}, 0, {len(memory.words) - 1});\n'
            text = text[: found.start()] + found[1] + read + text[found.end() :]
            files[file] = memory.text
        return text, files


_REPORT = "this yosys writes memories in another way; leave out readmemh"


def _module(text: str, name: str) -> tuple[int, int]:
    """Where a module's text begins and ends."""
    found = re.search(rf"^module \\?{re.escape(name)} ?\(", text, re.MULTILINE)
    if found is None:
        raise ToolError(f"the Verilog has no module {name}: {_REPORT}")
    return found.start(), text.index("\nendmodule", found.start())


def convert(top: Component, name: str) -> Converted:
    """The Verilog of a component and all that is in it, ``name`` being that of its module.

    Raises DescriptionError for a name that no module can have, and ToolError where yosys does not run.
    """
    check_name(name)
    ports = {"__".join(map(str, path)): (Value.cast(port), None) for path, _, port in top.signature.flatten(top)}
    with _uncollected():
        fragment = Fragment.get(top, _CELLS)
        memories = tuple(_contents(fragment, name))
        circuit, _ = rtlil.convert_fragment(fragment, ports, name, emit_src=False)
    text = yosys.run("\n".join([f"read_rtlil <<rtlil\n{circuit}\nrtlil", *_PASSES, "write_verilog -norename"]))
    return Converted(_for_every_tool(text), memories)


@contextmanager
def _uncollected() -> Iterator[None]:
    """No search for garbage: a circuit is all in use until it is text, and searching it again and again takes long."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def with_banks(text: str, own: str) -> str:
    """The Verilog of a circuit whose synapses stand in banks, with their module, called ``own``, at its end."""
    bank = resources.files("snnhw").joinpath("bank.v").read_text()
    return text.replace(f"  {BANK} #(", f"  {own} #(") + "\n" + bank.replace(BANK, own)


def _contents(fragment: Fragment, module: str) -> Iterator[MemoryContents]:
    """The memories in a module, and in those within it, that do not start as zeros."""
    for inner, name, _ in fragment.subfragments:
        if isinstance(inner, MemoryInstance):
            bits, words = Shape.cast(inner._data.shape).width, tuple(inner._data.init._raw)
            if any(words):
                yield MemoryContents(module, name, bits, words)
        else:
            yield from _contents(inner, f"{module}.{name}")


def _for_every_tool(text: str) -> str:
    """The text that yosys wrote, without what some tool reads in another way, or not at all."""
    text = re.sub(r"^/\* Generated by .*?\*/\n+", "", text)
    # Icarus shortens numbers of 64 bits and more in attributes, and says so; the register's declaration has them too.
    text = re.sub(r"^  \(\* init = (?:6[4-9]|[7-9]\d|\d{3,})'\S+ \*\)\n", "", text, flags=re.MULTILINE)
    # What has no bits, such as the address of a memory of one word, Verilog would declare with two.
    text = re.sub(r"^  wire \[-1:0\] .*;\n", "", text, flags=re.MULTILINE)
    # Words of memories are hexadecimal, but for those of 32 bits.
    text = re.sub(r"\] = 32'd(\d+);", lambda word: f"] = 32'h{int(word[1]):08x};", text)
    # Where SystemVerilog is read, values of declarations are there before any process waits for a change of them.
    text = _TRIGGER.sub(r"  reg \1 ;\n  initial \1 <= 0;", text)
    # A wire called data[1] is for yosys's ABC9 the same as bit 1 of the wire data.
    return re.sub(r"\\\S+\[\S+ ", lambda name: re.sub(r"\[(\d+)\]", r".\1", name[0]), text)
