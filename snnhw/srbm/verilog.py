"""From a machine to Verilog: the circuit of a spiking RBM, its description as JSON, lint waivers."""

from __future__ import annotations

from gateware.banks import BANK
from gateware.ports import streams_of, tap_of
from gateware.srbm import TOP, SrbmCircuit
from snnhw.conversion import convert, with_banks
from snnhw.emission import STREAM_RULE, EmittedCommandCircuit, as_json, comment, port_lines
from snnhw.interface import CommandInterface
from snnhw.naming import check_name
from snnhw.srbm.machine import Machine

__all__ = ["emit"]


def emit(machine: Machine, lanes: int, name: str = TOP) -> EmittedCommandCircuit:
    """Generate the circuit of a machine in so many lanes; the same arguments give the same text.

    Raises DescriptionError for a name that Verilog does not allow, ValueError for lanes that do not fit.
    """
    check_name(name)
    circuit = SrbmCircuit(machine, lanes)
    text = with_banks(convert(circuit, name).text, f"{name}_{BANK}")
    interface = interface_of(circuit, name)
    described = {
        "machine": machine.model_dump(mode="json"),
        "lanes": lanes,
        "interface": interface.model_dump(mode="json"),
    }
    return EmittedCommandCircuit(
        verilog=header(machine, lanes, interface) + text,
        interface=interface,
        description=as_json(described),
    )


def interface_of(circuit: SrbmCircuit, name: str) -> CommandInterface:
    """The streams and the tap of a circuit, a word of units a time, in a top module of that name."""
    tap = tap_of("units", "", circuit.units.report.shape(), circuit.taps)
    return CommandInterface(top=name, streams=streams_of(circuit), tap=tap)


def header(machine: Machine, lanes: int, interface: CommandInterface) -> str:
    """The comment at the head of the Verilog: what it is, and its ports."""
    lines = [
        f"{machine.pixels} pixels, {machine.classes} classes of {machine.labels_per_class} label units, "
        f"{machine.hidden} hidden units, {machine.biases} biases on either side; {lanes} lanes.",
        "",
        "Ports:",
        "  clk, rst (synchronous, active high)",
        *(line for port in interface.streams for line in port_lines(port)),
        STREAM_RULE,
        "Kinds of command: 0 train, 1 infer, 2 regenerate, 3 load, 4 dump.",
        f"A load must bring a walk other than 0 and a refresh below {machine.rows}, the number of rows.",
    ]
    return comment(interface.top, "a spiking restricted Boltzmann machine that learns", lines)
