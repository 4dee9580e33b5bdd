"""What Verilator's -Wall says of the emitted Verilog, and why none of it is a fault."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["WAIVERS", "Waiver", "waivers"]


class Waiver(NamedTuple):
    """Warnings that the emitted Verilog draws, with the reason why they are none."""

    reason: str
    rule: str | None = None
    """Its name in every Verilator from 5.006 on; None for a rule that is younger, which older ones refuse to read."""
    text: str | None = None
    """How the warning begins, with * and ? as in file names; None: however it begins."""

    def line(self, file: str) -> str:
        """The waiver for a file, in Verilator's language of configurations."""
        rule = f" -rule {self.rule}" if self.rule else ""
        text = f' -match "{self.text}"' if self.text else ""
        return f'// {self.reason}\nlint_off{rule} -file "{file}"{text}\n'


_EXTENDED = "operands are extended by the language's rules, signedness being explicit"

WAIVERS = (
    Waiver("the file holds the whole hierarchy", "DECLFILENAME"),
    Waiver("fields of payloads keep their names, and verification taps end nowhere", "UNUSEDSIGNAL"),
    Waiver(
        "registers have values at power-up, as FPGAs do, and the same at reset",
        text="Procedural assignment to declaration with initial value*",
    ),
    # Names of operators tell what is extended from what is cut: that is an assignment, or a port's connection.
    *(Waiver(_EXTENDED, "WIDTH", f"Operator {name} expects*") for name in ("??", "???", "????", "SHIFTL")),
    Waiver("the least value of a number without sign is compared with like any other bound", "UNSIGNED"),
    Waiver("a number is compared with zero by the logical not", "WIDTH", "Logical operator LOGNOT*"),
    Waiver("a process that waits for a change is started by one, after all wait", "INITIALDLY"),
    Waiver("what no case names keeps the value assigned before", "CASEINCOMPLETE"),
)
"""All of them; each is drawn by some circuit."""


def waivers(top: str) -> str:
    """The configuration beside the Verilog of a top module; it waives warnings of that file alone."""
    return "`verilator_config\n" + "".join(waiver.line(f"*{top}.v") for waiver in WAIVERS)
