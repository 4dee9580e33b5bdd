"""The choice of a simulator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from snnhw.errors import ToolMissingError
from snnhw.implementation import Implementation
from snnhw.model import Model
from snnhw.simulate import compiler
from snnhw.simulate.simulation import Simulator

EngineName = Literal["auto", "verilator", "amaranth"]

AMARANTH_SAMPLES = 10
"""How many samples ``auto`` runs on Amaranth's simulator: some seconds each on a network for MNIST."""


class Engine(Protocol):
    """Makes simulators of circuits."""

    name: str

    def simulator(self, model: Model, implementation: Implementation) -> Simulator:
        """The circuit of a model, made ready to run."""
        ...


class VerilatorEngine:
    """Simulates the emitted Verilog, compiled to a library; millions of cycles a second."""

    name = "verilator"

    def simulator(self, model: Model, implementation: Implementation) -> Simulator:
        """Emit the Verilog and build its library, or take that out of the cache."""
        from snnhw.simulate.verilator import VerilatorSimulator

        simulator = VerilatorSimulator.of(model, implementation)
        simulator.prepare()
        return simulator


class AmaranthEngine:
    """Simulates the circuit that the Verilog is emitted from; slow, and needs nothing but Python."""

    name = "amaranth"

    def simulator(self, model: Model, implementation: Implementation) -> Simulator:
        """A simulator that builds its circuit anew for each run."""
        from snnhw.simulate.amaranth import AmaranthSimulator

        return AmaranthSimulator(model, implementation)


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
        raise ValueError(f"engine must be 'auto', 'verilator' or 'amaranth', not {name!r}")
    try:
        compiler.versions()
    except ToolMissingError as error:
        if name == "verilator":
            raise
        note = f"simulating with amaranth, at most {AMARANTH_SAMPLES} samples, because {error}"
        return Choice(AmaranthEngine(), note, AMARANTH_SAMPLES)
    return Choice(VerilatorEngine())
