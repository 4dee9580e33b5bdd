"""The choice of a simulator."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, Protocol, get_args

from snnhw.design import Design
from snnhw.errors import ToolMissingError
from snnhw.simulate import compiler
from snnhw.simulate.faults import FEWEST
from snnhw.simulate.simulation import Simulator, WaveformFormat, slowest
from snnhw.wording import one_of

EngineName = Literal["auto", "verilator", "amaranth"]

AMARANTH_SAMPLES = 10
"""How many samples ``auto`` runs on Amaranth's simulator: some seconds each on a network for MNIST."""

LONG_RUN = 4_000_000
"""Cycles of slowest samples from which on an optimised library saves more time than it takes.

Most samples take a small part of those cycles: for `mnist-mlp` this is some 500 images.
"""


class Engine(Protocol):
    """Makes simulators of circuits."""

    name: str
    waveforms: tuple[WaveformFormat, ...]
    """The formats of waveforms that its simulators write."""
    fewest_faults: int
    """Faults that `verify` sends at least, however few samples there are."""

    def simulator(self, design: Design, samples: int) -> Simulator:
        """The circuit of a design, made ready to run about so many samples."""
        ...


class VerilatorEngine:
    """Simulates the emitted Verilog, compiled to a library; millions of cycles a second."""

    name = "verilator"
    waveforms: tuple[WaveformFormat, ...] = ("vcd", "fst")
    fewest_faults = FEWEST

    def simulator(self, design: Design, samples: int) -> Simulator:
        """Emit the Verilog and build its library, or take that out of the cache; what starts empty is loaded first.

        For a short run the library is built in less time than it then runs longer.
        """
        from snnhw.simulate.verilator import VerilatorSimulator
        from snnhw.weights import image

        simulator = replace(VerilatorSimulator.of(design), optimise=samples * slowest(design) >= LONG_RUN)
        if starts_empty(design):
            simulator = replace(simulator, images=(image(design.model, design),))
        simulator.prepare()
        return simulator


class AmaranthEngine:
    """Simulates the circuit that the Verilog is emitted from; slow, and needs nothing but Python."""

    name = "amaranth"
    waveforms: tuple[WaveformFormat, ...] = ("vcd",)
    fewest_faults = 1

    def simulator(self, design: Design, samples: int) -> Simulator:
        """A simulator that builds its circuit anew for each run; raises ToolMissingError where weights are loaded."""
        from snnhw.simulate.amaranth import AmaranthSimulator

        if starts_empty(design):
            raise ToolMissingError(
                "weights in spram are loaded before they are used, which Amaranth's simulator does not do: take "
                "--engine verilator, for which g++, c++ or clang++ must be installed"
            )
        return AmaranthSimulator(design)


def starts_empty(design: Design) -> bool:
    """Whether a layer has no weights before some have been loaded."""
    return any(layer.chosen.memory == "spram" for layer in design.layers)


@dataclass(frozen=True)
class Choice:
    """An engine, and what ``auto`` has to say: one line for the user, and how many samples it runs at most."""

    engine: Engine
    note: str | None = None
    sample_limit: int | None = None


def engine(name: EngineName = "auto") -> Choice:
    """The engine of that name; ``auto`` is verilator, or amaranth where there is no C++ compiler.

    Raises ToolMissingError where an engine that was asked for by name cannot run, ValueError for another name.
    """
    if name == "amaranth":
        return Choice(AmaranthEngine())
    if name not in ("auto", "verilator"):
        raise ValueError(one_of("engine", name, get_args(EngineName)))
    try:
        compiler.versions()
    except ToolMissingError as error:
        if name == "verilator":
            raise
        note = f"simulating with amaranth, at most {AMARANTH_SAMPLES} samples, because {error}"
        return Choice(AmaranthEngine(), note, AMARANTH_SAMPLES)
    return Choice(VerilatorEngine())
