"""The page on interfaces names every port and register as they are."""

import re

import pytest

from snnhw.commandshell import COMMAND_REGISTERS
from snnhw.shell import PLAIN, REGISTERS, AxiShell, Register
from tests.circuits import emitted
from tests.docs.markdown import code, page, sections, table

SECTIONS = sections(page("docs/interfaces.md"))


def test_every_plain_port_is_named():
    named = {name for row in table(SECTIONS["Plain streams"], "port") for name in code(row[0])}
    assert named == {port.name for port in PLAIN.ports(emitted("direct").interface)}


def test_every_port_of_axi_is_in_an_interface():
    stems = [name for row in table(SECTIONS["AXI"], "ports") for name in code(row[0])]
    for port in AxiShell().ports(emitted("direct").interface):
        assert port.name in ("aclk", "aresetn") or any(port.name.startswith(stem.rstrip("*")) for stem in stems)


@pytest.mark.parametrize(
    ("section", "registers"), [("AXI", REGISTERS), ("Circuits that do commands", COMMAND_REGISTERS)]
)
def test_registers_are_those_of_the_circuit(section: str, registers: tuple[Register, ...]):
    rows = table(SECTIONS[section], "address")
    assert len(rows) == len(registers)
    for row, register in zip(rows, registers, strict=True):
        first, *last = (int(number, 16) for number in re.findall(r"0x\w+", row[0]))
        assert first == register.address
        assert last == ([register.address + 4 * register.count - 4] if register.count > 1 else [])
        assert [code(row[1]), row[2], row[3]] == [[register.name], register.access.replace("_", ", "), register.meaning]


@pytest.mark.parametrize("register", [register for register in REGISTERS if register.fields], ids=lambda r: r.name)
def test_bits_are_those_of_the_circuit(register: Register):
    rows = [row for row in table(SECTIONS["AXI"], "register") if code(row[0]) == [register.name]]
    assert [(int(row[1]), code(row[2])[0], row[3]) for row in rows] == [
        (field.lowest, field.name, field.meaning) for field in register.fields
    ]
