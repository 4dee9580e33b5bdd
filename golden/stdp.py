"""A learner, image by image. Twin of ``gateware/stdp.py``; ``docs/stdp.md`` is the norm, and this its plain reading.

A layer of neurons that compete, as Diehl and Cook's (Frontiers in Computational Neuroscience 9, 2015) and Querlioz et
al.'s (IEEE Transactions on Nanotechnology 12, 2013): the first to fire inhibits all others and learns by STDP.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from golden.lfsr import Leap
from snnhw.stdp.learner import FRACTION_BITS, MOST_AMPLITUDE, Learner
from snnhw.wording import shown

Array = NDArray[np.int64]


@dataclass(frozen=True)
class Step:
    """What a step of an image did: membranes and what they exceed their thresholds by, [neurons] each."""

    membrane: Array
    excess: Array


Trace = Callable[[Step], Any]
"""Called with every step, for instance a list's ``append``."""


def spike_steps(pixels: NDArray[Any], num_steps: int) -> Array:
    """The step in which each pixel fires, the brighter the earlier; ``num_steps`` for a black one, which never does."""
    values = np.asarray(pixels).astype(np.int64)
    return np.where(values > 0, ((255 - values) * num_steps) >> 8, num_steps)


def strengths(learner: Learner, step: int, amplitude: int) -> Array:
    """How much a synapse changes whose neuron fires at ``step``, by the step of its input; the last of a silent one.

    [num_steps + 1]. ValueError for an amplitude that is no power of two up to 64.
    """
    check_amplitude(amplitude)
    window = learner.window
    plus = [window.plus(step - at, amplitude) for at in range(step + 1)]
    minus = [window.minus(at - step, amplitude) for at in range(step + 1, learner.num_steps)]
    return np.array([*plus, *minus, window.silent * amplitude], np.int64)


def check_amplitude(amplitude: int) -> None:
    """Raise ValueError for an amplitude that is no power of two up to 64."""
    if amplitude not in [1 << power for power in range(MOST_AMPLITUDE.bit_length())]:
        raise ValueError(f"amplitude must be a power of two up to {MOST_AMPLITUDE}, not {amplitude}")


def check_label(learner: Learner, label: int) -> None:
    """Raise ValueError for a label that is none of the classes."""
    if label not in range(learner.classes):
        raise ValueError(f"label must lie in 0..{learner.classes - 1}, not {label}")


class Stdp:
    """A learner with its ``weight`` [pixels, neurons], ``threshold`` [neurons], in 1/64, and ``readout``.

    Parameters, where an earlier learner is to go on: these three, the ``register`` after the last image, and the class
    that each neuron is ``assigned``, which supervised learning needs. Without them it starts from its seed.
    """

    def __repr__(self) -> str:
        return shown(self, *self.learner.shown_parts)

    def __init__(
        self,
        learner: Learner,
        weight: NDArray[Any] | None = None,
        threshold: NDArray[Any] | None = None,
        readout: NDArray[Any] | None = None,
        *,
        register: int | None = None,
        assigned: NDArray[Any] | None = None,
    ) -> None:
        self.learner = learner
        self.register = learner.seed if register is None else register
        self._column = Leap(8, learner.pixels)
        shapes = {
            "weight": (learner.pixels, learner.neurons),
            "threshold": (learner.neurons,),
            "readout": (learner.neurons, learner.classes),
            "assigned": (learner.neurons,),
        }
        given = {"weight": weight, "threshold": threshold, "readout": readout, "assigned": assigned}
        for name, values in given.items():
            if values is not None and np.shape(values) != shapes[name]:
                raise ValueError(f"{name} must be {list(shapes[name])}, not {list(np.shape(values))}")
        self.weight: Array = self._drawn() if weight is None else np.array(weight, np.int64)
        start = np.full(learner.neurons, learner.threshold << FRACTION_BITS)
        self.threshold: Array = start if threshold is None else np.array(threshold, np.int64)
        self.readout: Array = np.zeros(shapes["readout"], np.int64) if readout is None else np.array(readout, np.int64)
        self.assigned: Array = np.zeros(learner.neurons, np.int64) if assigned is None else np.array(assigned, np.int64)

    def train(self, image: NDArray[Any], amplitude: int, *, trace: Trace | None = None) -> tuple[int, int] | None:
        """Learn an image uint8 [pixels]: the winner and its step; None where nothing fired, and nothing changed.

        ``amplitude`` is a power of two up to 64.
        """
        steps, found = self._compete(image, amplitude, trace)
        if found is None:
            return None
        winner, step, _ = found
        self.threshold = np.maximum(self.threshold - self.learner.fall, 0)
        self._move(winner, self.learner.rise)
        self._learn(winner, step, steps, amplitude)
        return winner, step

    def teach(
        self, image: NDArray[Any], label: int, amplitude: int, *, trace: Trace | None = None
    ) -> tuple[int, int] | None:
        """Learn an image with its class: the best neuron of that class learns, a winner of another class unlearns.

        Winner and its step; None where nothing fired, and nothing changed.
        """
        check_label(self.learner, label)
        steps, found = self._compete(image, amplitude, trace)
        if found is None:
            return None
        winner, step, excess = found
        of_class = np.flatnonzero(self.assigned == label)
        if len(of_class):
            right = int(of_class[excess[of_class].argmax()])
            self._learn(right, step, steps, amplitude)
            if right != winner:
                self._move(right, -self.learner.nudge)
        if self.assigned[winner] != label:
            self._unlearn(winner, step, steps, amplitude)
            self._move(winner, self.learner.nudge)
        return winner, step

    def infer(self, image: NDArray[Any], *, trace: Trace | None = None) -> list[tuple[int, int]]:
        """The neurons that fire first, in order, each with its step; at most ``spikes``."""
        learner, fired = self.learner, list[tuple[int, int]]()
        steps, membrane = spike_steps(self._pixels(image), learner.num_steps), np.zeros(learner.neurons, np.int64)
        waiting = np.ones(learner.neurons, bool)
        for t in range(learner.num_steps):
            membrane, excess = self._integrate(membrane, steps == t, trace)
            forced = learner.forced and t == learner.num_steps - 1
            order = np.argsort(-excess, kind="stable")
            for neuron in order[waiting[order] & (forced | (excess[order] >= 0))]:
                fired.append((int(neuron), t))
                waiting[neuron] = False
                if len(fired) == learner.spikes:
                    return fired
        return fired

    def score(self, fired: list[tuple[int, int]]) -> tuple[int, Array]:
        """The class that the readout gives to spikes, the first of equals, and the scores [classes].

        A spike's weights go on counting with every later one, as a current that stays.
        """
        scores = current = np.zeros(self.learner.classes, np.int64)
        for place in range(self.learner.spikes):
            if place < len(fired):
                current = current + self.readout[fired[place][0]]
            scores = scores + current
        return int(scores.argmax()), scores

    def train_readout(self, image: NDArray[Any], label: int, rate: int) -> tuple[int, Array]:
        """Answer an image as ``infer`` and ``score`` do, and let the readout learn its class.

        Where the class is right by no more than the margin, it gains on the best of the wrong ones.
        """
        learner = self.learner
        check_label(learner, label)
        fired = self.infer(image)
        answer, scores = self.score(fired)
        others = np.where(np.arange(learner.classes) == label, learner.scores.lo - 1, scores)
        rival = int(others.argmax())
        if learner.classes > 1 and scores[label] - scores[rival] <= learner.margin * learner.spikes**2:
            for place, (neuron, _) in enumerate(fired):
                change = rate * (learner.spikes - place)
                for chosen, signed in ((label, change), (rival, -change)):
                    moved = int(self.readout[neuron, chosen]) + signed
                    self.readout[neuron, chosen] = min(max(moved, learner.readout.lo), learner.readout.hi)
        return answer, scores

    def _compete(
        self, image: NDArray[Any], amplitude: int, trace: Trace | None
    ) -> tuple[Array, tuple[int, int, Array] | None]:
        """The steps of the inputs' spikes; and the first neuron to fire, its step, and what all exceed then."""
        learner = self.learner
        check_amplitude(amplitude)
        steps, membrane = spike_steps(self._pixels(image), learner.num_steps), np.zeros(learner.neurons, np.int64)
        for t in range(learner.num_steps):
            membrane, excess = self._integrate(membrane, steps == t, trace)
            best = int(excess.argmax())
            if excess[best] >= 0 or (learner.forced and t == learner.num_steps - 1):
                return steps, (best, t, excess)
        return steps, None

    def _integrate(self, membrane: Array, fires: NDArray[np.bool_], trace: Trace | None) -> tuple[Array, Array]:
        """Membranes after a step, and what they exceed their thresholds by."""
        membrane = np.maximum(0, membrane + self.weight[fires].sum(axis=0) - self.learner.leakage)
        excess = membrane - (self.threshold >> FRACTION_BITS)
        if trace is not None:
            trace(Step(membrane, excess))
        return membrane, excess

    def _learn(self, neuron: int, step: int, steps: Array, amplitude: int) -> None:
        """STDP of all synapses of a neuron that fires at ``step``."""
        self._change(neuron, *self._strengths(step, steps, amplitude))

    def _unlearn(self, neuron: int, step: int, steps: Array, amplitude: int) -> None:
        """The same with the sign turned, at half the strength."""
        rises, strength = self._strengths(step, steps, amplitude)
        self._change(neuron, ~rises, strength >> 1)

    def _strengths(self, step: int, steps: Array, amplitude: int) -> tuple[NDArray[np.bool_], Array]:
        """Which synapses grow, and by what each changes, [pixels] both."""
        return steps <= step, strengths(self.learner, step, amplitude)[steps]

    def _change(self, neuron: int, rises: NDArray[np.bool_], strength: Array) -> None:
        """Move the weights of a neuron, rounded by a random byte for each pixel."""
        states = self._column.states(self.register)
        self.register = int(states[-1])
        draws = (states & np.uint32(255)).astype(np.int64)
        top, weight = self.learner.weight.hi, self.weight[:, neuron]
        room = np.where(rises, top - weight, weight) if self.learner.bounds == "soft" else top
        change = (strength * room + draws) >> 8
        self.weight[:, neuron] = np.clip(np.where(rises, weight + change, weight - change), 0, top)

    def _move(self, neuron: int, amount: int) -> None:
        """Raise or lower the threshold of a neuron."""
        self.threshold[neuron] = min(max(int(self.threshold[neuron]) + amount, 0), self.learner.thresholds.hi)

    def _drawn(self) -> Array:
        """Weights to start with, pixel by pixel and neuron by neuron."""
        learner, span = self.learner, self.learner.initial_weight
        row, rows = Leap(8, learner.neurons), []
        for _ in range(learner.pixels):
            states = row.states(self.register)
            self.register = int(states[-1])
            rows.append(states & np.uint32(255))
        draws = np.stack(rows).astype(np.int64)
        return span.lo + ((draws * (span.hi - span.lo + 1)) >> 8)

    def _pixels(self, image: NDArray[Any]) -> NDArray[Any]:
        """The pixels of an image, checked."""
        image = np.asarray(image)
        if image.shape != (self.learner.pixels,) or image.dtype != np.uint8:
            raise ValueError(f"an image must be uint8 [{self.learner.pixels}], not {image.dtype} {list(image.shape)}")
        return image
