"""What a bench does with the registers behind AXI4-Lite alone, as lines that call its tasks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from snnhw.shell import (
    IDENTITY,
    REGISTER_ADDRESS_BITS,
    REGISTERS_VERSION,
    Register,
    result_packet,
    sample_packet,
)
from snnhw.testbench.subject import Subject

COUNTS = ("samples", "results", "dropped")
"""The registers that the task ``check_state`` reads after ``status``, in the order of its arguments."""

WRITES = ((0x01234567, 0b1111), (0x89ABCDEF, 0b0101), (0xFFFFFFFF, 0b0000), (0x76543210, 0b1000))
"""What is written to ``scratch``, and the bytes of it that are to be kept."""


def definitions(lines: Iterable[str], registers: Sequence[Register]) -> str:
    """Verilog that defines the addresses and bits that the lines use: ``AT_STATUS``, ``STATUS_SHORT``."""
    used = set(re.findall(r"\w+", " ".join([*lines, *(at(name) for name in ("status", *COUNTS))])))
    constants: dict[str, tuple[int, int]] = {}
    for register in registers:
        constants[at(register.name)] = (REGISTER_ADDRESS_BITS, register.address)
        for field in register.fields:
            constants[f"{register.name}_{field.name}".upper()] = (32, 1 << field.lowest)
    return "\n".join(
        f"localparam [{width - 1}:0] {name} = {number(value, width)};"
        for name, (width, value) in constants.items()
        if name in used
    )


def at(register: str) -> str:
    """The constant that says where a register lies."""
    return f"AT_{register.upper()}"


def number(value: int, width: int = 32) -> str:
    """A number in Verilog."""
    return f"{width}'h{value:0{-(-width // 4)}x}"


def identity(subject: Subject) -> Iterator[str]:
    """Read all that says what the circuit is."""
    digest = subject.design.model.digest
    known = {
        "identity": [IDENTITY],
        "version": [REGISTERS_VERSION],
        "control": [0],
        "sample_bytes": [sample_packet(subject.network, subject.interface).size],
        "result_bytes": [result_packet(subject.interface).size],
        "digest": [int(digest[start : start + 8], 16) for start in range(0, len(digest), 8)],
    }
    for name, values in known.items():
        for index, value in enumerate(values):
            label, place = (f"{name} {index}", f" + {4 * index}") if len(values) > 1 else (name, "")
            yield f'check("{label}", {at(name)}{place}, ALL, {number(value)});'
    yield f'check("status", {at("status")}, ALL, {"STATUS_EMPTY" if subject.has_spram else "0"});'


def scratch(writes: int = len(WRITES)) -> str:
    """Read what so many writes have left in ``scratch``."""
    kept = 0
    for value, strobes in WRITES[:writes]:
        mask = sum(0xFF << 8 * byte for byte in range(4) if strobes >> byte & 1)
        kept = kept & ~mask | value & mask
    return f'check("scratch", {at("scratch")}, ALL, {number(kept)});'


def accesses(registers: Sequence[Register]) -> Iterator[str]:
    """Write bytes alone; whatever is not there, or can only be read, is refused and changes nothing."""
    for index, (value, strobes) in enumerate(WRITES):
        yield f"write({at('scratch')}, {number(value)}, 4'b{strobes:04b}, OKAY);"
        yield scratch(index + 1)
    known = {register.address + 4 * index for register in registers for index in range(register.count)}
    unknown = sorted(set(range(0, 1 << REGISTER_ADDRESS_BITS, 4)) - known)
    for address in (unknown[0], unknown[-1]):
        yield f"read({number(address, REGISTER_ADDRESS_BITS)}, SLVERR);"
        yield f"write({number(address, REGISTER_ADDRESS_BITS)}, ALL, 4'hf, SLVERR);"
    for register in registers:
        if register.access == "read":
            yield f"write({at(register.name)}, ALL, 4'hf, SLVERR);"
    yield f'check("identity", {at("identity")}, ALL, {number(IDENTITY)});'
    yield scratch()
