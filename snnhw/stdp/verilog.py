"""From a learner to Verilog: its circuit, its description as JSON, lint waivers."""

from __future__ import annotations

from gateware.ports import streams_of, tap_of
from gateware.stdp import TOP, StdpCircuit
from snnhw.conversion import convert, with_banks
from snnhw.emission import STREAM_RULE, EmittedCommandCircuit, as_json, comment, port_lines
from snnhw.interface import CommandInterface
from snnhw.naming import check_name
from snnhw.stdp.grid import WeightMemory
from snnhw.stdp.learner import Learner

__all__ = ["emit"]


def emit(learner: Learner, lanes: int, name: str = TOP, *, memory: WeightMemory = "bram") -> EmittedCommandCircuit:
    """Generate the circuit of a learner in so many lanes; the same arguments give the same text.

    Raises DescriptionError for a name that Verilog does not allow, ValueError for lanes or a memory that do not fit.
    """
    check_name(name)
    circuit = StdpCircuit(learner, lanes, memory)
    text = convert(circuit, name).text
    if memory == "bram":
        text = with_banks(text, f"{name}_bank")
    interface = CommandInterface(
        top=name, streams=streams_of(circuit), tap=tap_of("neurons", "", circuit.tapped, circuit.taps)
    )
    described = {
        "learner": learner.model_dump(mode="json"),
        "lanes": lanes,
        "memory": memory,
        "interface": interface.model_dump(mode="json"),
    }
    return EmittedCommandCircuit(
        verilog=header(learner, lanes, interface) + text, interface=interface, description=as_json(described)
    )


def header(learner: Learner, lanes: int, interface: CommandInterface) -> str:
    """The comment at the head of the Verilog: what it is, and its ports."""
    lines = [
        f"{learner.pixels} pixels, {learner.neurons} neurons, weights of {learner.weight_bits} bits, "
        f"{learner.num_steps} steps, {learner.spikes} spikes for {learner.classes} classes; {lanes} lanes.",
        "",
        "Ports:",
        "  clk, rst (synchronous, active high)",
        *(line for port in interface.streams for line in port_lines(port)),
        STREAM_RULE,
        "Kinds of command: 0 train, 1 teach, 2 infer, 3 train the readout, 4 load weights, 5 load neurons, 6 dump "
        "weights, 7 dump neurons.",
        "Amplitude, 0 to 6, and rate, 0 to 3, are powers of two.",
        f"A load of weights must bring a register other than 0; labels and classes lie below {learner.classes}.",
    ]
    return comment(interface.top, "a layer of neurons that learns by STDP", lines)
