"""From a learner to Verilog: its circuit, its description as JSON, lint waivers."""

from __future__ import annotations

from typing import Any

from gateware.ports import streams_of, tap_of
from gateware.stdp import TOP, StdpCircuit
from snnhw.commandshell import CommandShell
from snnhw.commandverilog import emit_commands, identify_commands
from snnhw.emission import EmittedCommandCircuit
from snnhw.interface import CommandInterface
from snnhw.naming import check_name
from snnhw.shell import PLAIN
from snnhw.stdp.grid import WeightMemory
from snnhw.stdp.learner import Learner

__all__ = ["emit", "identify"]


def emit(
    learner: Learner,
    lanes: int,
    name: str = TOP,
    *,
    memory: WeightMemory = "bram",
    shell: CommandShell = PLAIN,
) -> EmittedCommandCircuit:
    """Generate the circuit of a learner in so many lanes, in a shell; the same arguments give the same text.

    Raises DescriptionError for a name that Verilog does not allow, ValueError for lanes or a memory that do not fit.
    """
    check_name(name)
    circuit = StdpCircuit(learner, lanes, memory)
    return emit_commands(
        circuit,
        interface_of(circuit, name),
        shell,
        describe(learner, lanes),
        what="a layer of neurons that learns by STDP",
        before=[
            f"{learner.pixels} pixels, {learner.neurons} neurons, weights of {learner.weight_bits} bits, "
            f"{learner.num_steps} steps, {learner.spikes} spikes for {learner.classes} classes; {lanes} lanes."
        ],
        after=[
            "Kinds of command: 0 train, 1 teach, 2 infer, 3 train the readout, 4 load weights, 5 load neurons, 6 dump "
            "weights, 7 dump neurons.",
            "Amplitude, 0 to 6, and rate, 0 to 3, are powers of two.",
            f"A load of weights must bring a register other than 0; labels and classes lie below {learner.classes}.",
        ],
        built={"memory": memory},
    )


def identify(learner: Learner, lanes: int) -> tuple[CommandInterface, str]:
    """The streams of the circuit of a learner in so many lanes, and the digest that it says of itself."""
    circuit = StdpCircuit(learner, lanes)
    return identify_commands(circuit, interface_of(circuit, TOP), describe(learner, lanes))


def describe(learner: Learner, lanes: int) -> dict[str, Any]:
    """All that what its circuit computes depends on, for JSON."""
    return {"learner": learner.model_dump(mode="json"), "lanes": lanes}


def interface_of(circuit: StdpCircuit, name: str) -> CommandInterface:
    """The streams and the tap of a circuit, a word of neurons a time, in a top module of that name."""
    grid = circuit.grid
    words, beats = grid.rows * grid.column_words, {"pixels": grid.row_words}
    beats |= {"weights_in": words, "weights_out": words, "neurons_in": grid.columns, "neurons_out": grid.columns}
    tap = tap_of("neurons", "", circuit.tapped, circuit.taps)
    return CommandInterface(top=name, streams=streams_of(circuit), tap=tap, beats=beats)
