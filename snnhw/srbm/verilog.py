"""From a machine to Verilog: the circuit of a spiking RBM, its description as JSON, lint waivers."""

from __future__ import annotations

from typing import Any

from gateware.ports import streams_of, tap_of
from gateware.srbm import TOP, SrbmCircuit
from snnhw.commandshell import CommandShell
from snnhw.commandverilog import emit_commands, identify_commands
from snnhw.emission import EmittedCommandCircuit
from snnhw.interface import CommandInterface
from snnhw.naming import check_name
from snnhw.shell import PLAIN
from snnhw.srbm.machine import Machine

__all__ = ["emit", "identify"]


def emit(machine: Machine, lanes: int, name: str = TOP, shell: CommandShell = PLAIN) -> EmittedCommandCircuit:
    """Generate the circuit of a machine in so many lanes, in a shell; the same arguments give the same text.

    Raises DescriptionError for a name that Verilog does not allow, ValueError for lanes that do not fit.
    """
    check_name(name)
    circuit = SrbmCircuit(machine, lanes)
    return emit_commands(
        circuit,
        interface_of(circuit, name),
        shell,
        describe(machine, lanes),
        what="a spiking restricted Boltzmann machine that learns",
        before=[
            f"{machine.pixels} pixels, {machine.classes} classes of {machine.labels_per_class} label units, "
            f"{machine.hidden} hidden units, {machine.biases} biases on either side; {lanes} lanes."
        ],
        after=[
            "Kinds of command: 0 train, 1 infer, 2 regenerate, 3 load, 4 dump.",
            f"A load must bring a walk other than 0 and a refresh below {machine.rows}, the number of rows.",
        ],
    )


def identify(machine: Machine, lanes: int) -> tuple[CommandInterface, str]:
    """The streams of the circuit of a machine in so many lanes, and the digest that it says of itself."""
    circuit = SrbmCircuit(machine, lanes)
    return identify_commands(circuit, interface_of(circuit, TOP), describe(machine, lanes))


def describe(machine: Machine, lanes: int) -> dict[str, Any]:
    """All that what its circuit computes depends on, for JSON."""
    return {"machine": machine.model_dump(mode="json"), "lanes": lanes}


def interface_of(circuit: SrbmCircuit, name: str) -> CommandInterface:
    """The streams and the tap of a circuit, a word of units a time, in a top module of that name."""
    grid = circuit.grid
    synapses, beats = grid.rows * grid.columns, {"pixels": grid.pixel_words, "image": grid.pixel_words}
    beats |= {"levels_in": synapses, "levels_out": synapses}
    tap = tap_of("units", "", circuit.units.report.shape(), circuit.taps)
    return CommandInterface(top=name, streams=streams_of(circuit), tap=tap, beats=beats)
