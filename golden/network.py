"""The whole network, a batch at once. Twin of ``gateware/network.py``."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from threadpoolctl import ThreadpoolController

from golden.encoder import encode
from golden.layer import EventStep, Layer
from golden.neuron import NeuronStep
from golden.readout import Readout
from snnhw.model import Model
from snnhw.samples import check_samples
from snnhw.wording import shown

Array = NDArray[Any]

CHUNK = 1024
"""Number of samples that are computed together, at most."""
TOGETHER = 1 << 17
"""Number of neurons of a layer that are computed together, at most: their arrays stay in a core's cache."""


@dataclass(frozen=True)
class LayerTrace:
    """Every number of a layer: each array [num_steps, B, units]."""

    value: Array
    state: dict[str, Array]
    """What synapses without neurons keep of their inputs is [num_steps, B, inputs]."""
    integrated: Array | None = None
    """None where the layer has no neurons, as ``spike``."""
    spike: Array | None = None

    def __repr__(self) -> str:
        return shown(self, f"{' x '.join(map(str, self.value.shape))} (steps, samples, units)")


@dataclass(frozen=True)
class Result:
    """What the network made of B samples."""

    classes: NDArray[np.int64]
    """[B]"""
    scores: NDArray[np.int64]
    """[B, classes]"""
    over_time: NDArray[np.int64]
    """The class that the scores after each step say, [steps, B]."""
    events: dict[str, NDArray[np.int64]]
    """Events sent per step by ``encoder`` and each layer: [steps, B]; one step where the encoder is direct."""
    operations: dict[str, NDArray[np.int64]]
    """Synaptic operations by layer that has weights: weights added, each event once for every neuron that it reaches.
    [steps, B]; one step where a layer's input is the same at every step."""
    traces: dict[str, LayerTrace]
    """By layer, empty unless asked for; what synapses with neurons keep, as the value of a trace LAYER.NAME."""
    encoded: Array | None
    """The encoder's events, uint8 [steps, B, inputs], where traces were asked for."""

    def __repr__(self) -> str:
        traces = "with traces" if self.traces else ""
        return shown(self, f"{self.scores.shape[0]} samples", f"{self.scores.shape[1]} classes", traces)


class Golden:
    """A model made ready to compute; safe to share between threads.

    ``run`` on 784-128-10 does some hundred thousand samples a second on two cores; see ``benchmarks/``.
    """

    def __init__(self, model: Model) -> None:
        self.model = model
        self.network = model.network
        self.readout = Readout(self.network)
        self._blas = ThreadpoolController()
        self.layers = [Layer(layer) for layer in model.layers]
        self.chunk = max(1, min(CHUNK, TOGETHER // max(layer.units for layer in model.layers)))

    def run(self, samples: ArrayLike, *, traces: bool = False, threads: int = 2) -> Result:
        """Run samples uint8 [B, *sample_shape]; ``traces`` keeps every integrated value, spike and state.

        Without them memory grows by the results alone: samples are computed ``chunk`` at a time, in each thread.
        Raises ValueError, and takes other shapes, as :func:`snnhw.samples.check_samples`.
        """
        samples = check_samples(self.network, samples)
        flat = samples.reshape(len(samples), *self.network.flat_shape)
        chunks = [flat[start : start + self.chunk] for start in range(0, len(flat), self.chunk)] or [flat]
        if threads > 1 and len(chunks) > 1:
            # A chunk a core: BLAS splitting each product as well would only make the cores wait for each other.
            with self._blas.limit(limits=1, user_api="blas"), ThreadPoolExecutor(threads) as pool:
                return _join(list(pool.map(lambda chunk: self._run(chunk, traces), chunks)))
        return _join([self._run(chunk, traces) for chunk in chunks])

    def _run(self, samples: NDArray[np.uint8], traces: bool) -> Result:
        network, batch = self.network, len(samples)
        states = [layer.initial_state(batch) for layer in self.layers]
        sent: dict[str, list[Array]] = {"encoder": [], **{layer.name: [] for layer in self.layers}}
        operations: dict[str, list[Array]] = {layer.name: [] for layer in self.layers if layer.weighted}
        kept: dict[str, list[NeuronStep | EventStep]] = {}
        encoded: list[Array] = []
        scores, over_time = self.readout.initial(batch), []
        encoder = encode(network, samples)
        for t in range(network.num_steps):
            if t == 0 or not network.constant_input:
                values: Array = next(encoder)
                sent["encoder"].append(network.encoder.times(values).sum(axis=1, dtype=np.int64))
                encoded += [values] if traces else []
            for layer, state in zip(self.layers, states, strict=True):
                step = layer.step(state, values)
                if layer.weighted and (t == 0 or not layer.constant):
                    operations[layer.name].append(layer.operations(values, state))
                values = step.value
                if traces:
                    for name, numbers in layer.shown(state).items():
                        kept.setdefault(f"{layer.name}.{name}", []).append(EventStep(numbers, {}))
                    kept.setdefault(layer.name, []).append(step)
                sent[layer.name].append(np.count_nonzero(values, axis=1))
            assert isinstance(step, NeuronStep)  # as the description wants it of the last layer
            scores = self.readout.step(scores, t, step)
            over_time.append(self.readout.choose(scores))
        return Result(
            classes=over_time[-1],
            scores=scores,
            over_time=np.stack(over_time),
            events={name: np.stack(counts) for name, counts in sent.items()},
            operations={name: np.stack(counts) for name, counts in operations.items()},
            traces={name: _stack(steps) for name, steps in kept.items()},
            encoded=np.stack(encoded) if traces else None,
        )


def run(model: Model, samples: ArrayLike, *, traces: bool = False, threads: int = 2) -> Result:
    """Run a model once, see :meth:`Golden.run`."""
    return Golden(model).run(samples, traces=traces, threads=threads)


def _stack(steps: list[NeuronStep | EventStep]) -> LayerTrace:
    neurons = [step for step in steps if isinstance(step, NeuronStep)]
    return LayerTrace(
        value=np.stack([step.value for step in steps]),
        state={name: np.stack([step.state[name] for step in steps]) for name in steps[0].state},
        integrated=np.stack([step.integrated for step in neurons]) if neurons else None,
        spike=np.stack([step.spike for step in neurons]) if neurons else None,
    )


def _join(parts: list[Result]) -> Result:
    """Put the chunks' results in a row."""
    if len(parts) == 1:
        return parts[0]
    whole: dict[str, Any] = {}
    for field in fields(Result):
        whole[field.name] = _concatenate([getattr(part, field.name) for part in parts], field.name)
    return Result(**whole)


def _concatenate(parts: list[Any], name: str) -> Any:
    """Join along the batch: axis 0 of classes and scores, axis 1 of what has steps in front."""
    first = parts[0]
    if first is None:
        return None
    if isinstance(first, dict):
        return {key: _concatenate([part[key] for part in parts], "steps") for key in first}
    if isinstance(first, LayerTrace):
        return LayerTrace(
            **{f.name: _concatenate([getattr(p, f.name) for p in parts], "steps") for f in fields(LayerTrace)}
        )
    return np.concatenate(parts, axis=0 if name in ("classes", "scores") else 1)
