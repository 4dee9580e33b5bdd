"""A simulation held against golden, value for value."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from golden.network import Result
from snnhw.simulate.simulation import Mode, Simulation
from snnhw.simulate.taps import EncoderTrace

Array = NDArray[Any]


@dataclass(frozen=True)
class Divergence:
    """The first value that differs: of the first sample with any, the earliest step's first stage and neuron in it."""

    mode: Mode
    sample: int
    step: int | None
    """None for what is not of a step: scores, the class, and what was never shown."""
    stage: str
    neuron: int | None
    """The neuron, or the encoder's input; None where the field has no lanes."""
    field: str
    golden: int
    circuit: int | None
    """None where the circuit showed nothing: then ``golden`` is the number of its values."""

    def __str__(self) -> str:
        place = [f"sample {self.sample}"]
        place += [] if self.step is None else [f"step {self.step}"]
        place += [f"stage {self.stage}"]
        kind = {"encoder": "input", "readout": "class"}.get(self.stage, "neuron")
        place += [] if self.neuron is None else [f"{kind} {self.neuron}"]
        values = f"golden {self.golden}, circuit {self.circuit}"
        if self.circuit is None:
            values = f"golden {self.golden} values, circuit nothing"
        return f"{self.mode}: {', '.join(place)}, {self.field}: {values}"


@dataclass(frozen=True)
class Comparison:
    """What a comparison of B samples found."""

    differs: NDArray[np.bool_]
    """[B] whether anything of a sample differs."""
    values: int
    """Values compared."""
    divergence: Divergence | None
    problems: tuple[str, ...]
    """What went wrong beside the values, each in one line."""


@dataclass(frozen=True)
class _Field:
    """A quantity of all samples; the circuit's array may hold fewer of them, the rest was never shown."""

    stage: str
    name: str
    golden: Array
    """[steps, B, n]"""
    circuit: Array
    """[steps, at most B, n]"""
    stepped: bool = True
    laned: bool = True

    def differing(self) -> NDArray[np.bool_]:
        """Which samples differ, [B]."""
        whole = self.circuit.shape[1]
        differs = np.ones(self.golden.shape[1], np.bool_)
        unequal = self.circuit != self.golden[:, :whole]
        differs[:whole] = unequal.any(axis=(0, 2)) if unequal.any() else False
        return differs

    def first_difference(self, sample: int) -> tuple[int | None, int | None, int, int | None] | None:
        """Step, neuron and both values of the first difference in a sample, if there is one."""
        if sample >= self.circuit.shape[1]:
            return None, None, int(np.prod(self.golden.shape[::2])), None
        golden, circuit = self.golden[:, sample], self.circuit[:, sample]
        places = np.argwhere(golden != circuit)
        if not len(places):
            return None
        step, neuron = map(int, places[0])
        found = int(golden[step, neuron]), int(circuit[step, neuron])
        return step if self.stepped else None, neuron if self.laned else None, *found


def compare(simulation: Simulation, golden: Result, mode: Mode) -> Comparison:
    """Compare all that the taps and results of a simulation show with a golden result that holds traces.

    Without taps, as after synthesis, these are the results alone.
    """
    encoder = simulation.encoder() if simulation.records else None
    fields = [*(_tapped(simulation, encoder, golden) if encoder else ()), *_results(simulation, golden)]
    differs = np.zeros(simulation.samples, np.bool_)
    for field in fields:
        differs |= field.differing()
    divergence = _first_divergence(fields, int(np.argmax(differs)), mode) if differs.any() else None
    values = sum(field.circuit.size for field in fields)
    return Comparison(differs, values, divergence, tuple(_problems(simulation, encoder, mode)))


def _tapped(simulation: Simulation, encoder: EncoderTrace, golden: Result) -> Iterator[_Field]:
    """What taps show, in the order of causes: by stage, and within a stage in the order of its computation."""
    assert golden.encoded is not None
    steps, samples, inputs = golden.encoded.shape
    encoded, misplaced = encoder.values(steps, samples, inputs, simulation.network.encoder.repeats)
    yield _Field("encoder", "value", golden.encoded, encoded)
    strays = np.zeros(samples, np.int64)
    strays[misplaced] = 1
    yield _Field("encoder", "events out of place", _column(np.zeros_like(strays)), _column(strays), False, False)
    counted = encoder.steps[:samples]
    yield _Field("encoder", "steps", _column(np.full(samples, steps)), _column(counted), False, False)
    for stage, expected in golden.traces.items():
        trace = simulation.layer(stage)
        for name in ("integrated", "spike", "value"):
            if (values := getattr(expected, name)) is not None:
                yield _Field(stage, name, values, getattr(trace, name))
        # Of synapses without neurons the tap shows what of their state it can; of neurons all.
        for name in trace.state if expected.integrated is None else expected.state:
            yield _Field(stage, name, expected.state[name], trace.state[name])


def _results(simulation: Simulation, golden: Result) -> Iterator[_Field]:
    """What results hold, which comes after all that taps show."""
    yield _Field("readout", "score", golden.scores[None], simulation.scores[None], False)
    yield _Field("readout", "class", _column(golden.classes), _column(simulation.classes), False, False)


def _column(values: Array) -> Array:
    """One value a sample, [B], as [1, B, 1]."""
    return values[None, :, None]


def _first_divergence(fields: list[_Field], sample: int, mode: Mode) -> Divergence:
    """The first difference of a sample that has one: by step, then stage, then neuron, then field."""
    stages = list(dict.fromkeys(field.stage for field in fields))
    found = []
    for order, field in enumerate(fields):
        if difference := field.first_difference(sample):
            step, neuron, golden, circuit = difference
            key = (step is None, circuit is None, step or 0, stages.index(field.stage), neuron or 0, order)
            found.append((key, Divergence(mode, sample, step, field.stage, neuron, field.name, golden, circuit)))
    return min(found, key=lambda candidate: candidate[0])[1]


def _problems(simulation: Simulation, encoder: EncoderTrace | None, mode: Mode) -> Iterator[str]:
    """What is wrong beside the values of samples."""
    if simulation.stuck:
        yield f"{mode}: {simulation.stuck}"
    if simulation.error:
        yield f"{mode}: the circuit raised its error flag on samples that were framed well"
    if simulation.extra_results:
        yield f"{mode}: the circuit gave {simulation.extra_results} results that nobody asked for"
    if encoder is None:
        return
    if encoder.aborts:
        yield f"{mode}: the encoder gave up {encoder.aborts} samples that were framed well"
    if surplus := encoder.surplus(simulation.samples):
        yield f"{mode}: the encoder sent {surplus} transfers too many, after the last sample"
    for stage in simulation.records:
        if stage != "encoder" and (surplus := simulation.surplus(stage)) > 0:
            yield f"{mode}: the tap of stage '{stage}' showed {surplus} words too many"
