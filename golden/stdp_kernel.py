"""The learner compiled: what ``golden/stdp.py`` computes, bit for bit, fast enough to train with.

It needs numba (``pip install 'snnhw[stdp]'``), which is why nothing of this package imports this module. What it does
otherwise than its twin: the inputs of an image are listed by the step of their spike, so that only rows of weights are
read whose input fires before the winner; and a byte of the register's next states comes from a table.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from golden.compiled import compiled
from golden.lfsr import lfsr_advance
from golden.stdp import Stdp, check_label, spike_steps, strengths
from snnhw.stdp.learner import FRACTION_BITS, Learner
from snnhw.wording import shown

__all__ = ["CompiledStdp"]

Ints = NDArray[Any]


class _Numbers(NamedTuple):
    """A learner's numbers, as the compiled functions take them."""

    num_steps: int
    leakage: int
    top: int
    fall: int
    rise: int
    highest: int
    """What a threshold saturates at."""
    soft: bool
    forced: bool
    spikes: int
    nudge: int
    margin: int
    """Times the square of the spikes."""
    readout_lo: int
    readout_hi: int


class _State(NamedTuple):
    """What a learner keeps, and room to work in."""

    weight: NDArray[np.uint8]
    threshold: NDArray[np.int32]
    readout: NDArray[np.int32]
    assigned: NDArray[np.int32]
    register: NDArray[np.uint32]
    """[1]"""
    by_8: NDArray[np.uint32]
    """What the low byte becomes in 8 advances."""
    membrane: NDArray[np.int32]
    excess: NDArray[np.int32]
    listed: NDArray[np.int32]
    """[pixels]: the inputs that fire, by their step."""
    begins: NDArray[np.int32]
    """[num_steps + 1]: where each step begins among them."""


@compiled
def _list(steps: Ints, num_steps: int, listed: Ints, begins: Ints) -> None:
    """List inputs by the step in which they fire, each step's in order."""
    begins[:] = 0
    for at in steps:
        if at < num_steps:
            begins[at + 1] += 1
    for t in range(num_steps):
        begins[t + 1] += begins[t]
    for pixel in range(len(steps)):
        if steps[pixel] < num_steps:
            listed[begins[steps[pixel]]] = pixel
            begins[steps[pixel]] += 1
    for t in range(num_steps, 0, -1):
        begins[t] = begins[t - 1]
    begins[0] = 0


@compiled
def _integrate(numbers: _Numbers, state: _State, t: int) -> None:
    """Membranes after a step, and what they exceed their thresholds by."""
    membrane, neurons = state.membrane, len(state.membrane)
    for place in range(state.begins[t], state.begins[t + 1]):
        row = state.weight[state.listed[place]]
        for i in range(neurons):
            membrane[i] += row[i]
    for i in range(neurons):
        membrane[i] = max(0, membrane[i] - numbers.leakage)
        state.excess[i] = membrane[i] - (state.threshold[i] >> FRACTION_BITS)


@compiled
def _compete(numbers: _Numbers, state: _State, steps: Ints) -> tuple[int, int]:
    """The first neuron to fire, and its step; -1 where none does."""
    _list(steps, numbers.num_steps, state.listed, state.begins)
    state.membrane[:] = 0
    for t in range(numbers.num_steps):
        _integrate(numbers, state, t)
        best = 0
        for i in range(len(state.excess)):
            if state.excess[i] > state.excess[best]:
                best = i
        if state.excess[best] >= 0 or (numbers.forced and t == numbers.num_steps - 1):
            return best, t
    return -1, 0


@compiled
def _change(numbers: _Numbers, state: _State, neuron: int, step: int, steps: Ints, strength: Ints, turn: bool) -> None:
    """STDP of a neuron's synapses; with the sign turned, at half the strength, where ``turn``."""
    register, top = state.register[0], numbers.top
    for pixel in range(len(steps)):
        register = (register >> np.uint32(8)) ^ state.by_8[register & np.uint32(255)]
        draw, at, w = int(register & np.uint32(255)), steps[pixel], int(state.weight[pixel, neuron])
        rises = (at <= step) != turn
        factor = strength[at] >> turn
        room = (top - w if rises else w) if numbers.soft else top
        moved = (factor * room + draw) >> 8
        w = min(w + moved, top) if rises else max(w - moved, 0)
        state.weight[pixel, neuron] = w
    state.register[0] = register


@compiled
def _train(numbers: _Numbers, state: _State, images: Ints, tables: Ints, found: Ints) -> None:
    """Learn images [n, pixels], of spike steps; ``tables`` [num_steps, num_steps + 1] are strengths by both spikes."""
    threshold = state.threshold
    for n in range(len(images)):
        winner, step = _compete(numbers, state, images[n])
        found[n, 0], found[n, 1] = winner, step
        if winner < 0:
            continue
        for i in range(len(threshold)):
            threshold[i] = max(0, threshold[i] - numbers.fall)
        threshold[winner] = min(threshold[winner] + numbers.rise, numbers.highest)
        _change(numbers, state, winner, step, images[n], tables[step], False)


@compiled
def _teach(numbers: _Numbers, state: _State, images: Ints, labels: Ints, tables: Ints, found: Ints) -> None:
    """Learn images with their classes."""
    threshold = state.threshold
    for n in range(len(images)):
        winner, step = _compete(numbers, state, images[n])
        found[n, 0], found[n, 1] = winner, step
        if winner < 0:
            continue
        right = -1
        for i in range(len(threshold)):
            if state.assigned[i] == labels[n] and (right < 0 or state.excess[i] > state.excess[right]):
                right = i
        if right >= 0:
            _change(numbers, state, right, step, images[n], tables[step], False)
            if right != winner:
                threshold[right] = max(0, threshold[right] - numbers.nudge)
        if state.assigned[winner] != labels[n]:
            _change(numbers, state, winner, step, images[n], tables[step], True)
            threshold[winner] = min(threshold[winner] + numbers.nudge, numbers.highest)


@compiled
def _infer(numbers: _Numbers, state: _State, steps: Ints, fired: Ints) -> int:
    """Put the neurons that fire first, and their steps, into ``fired`` [spikes, 2]; how many they are."""
    _list(steps, numbers.num_steps, state.listed, state.begins)
    state.membrane[:] = 0
    count, neurons = 0, len(state.membrane)
    waiting = np.ones(neurons, np.bool_)
    for t in range(numbers.num_steps):
        _integrate(numbers, state, t)
        forced = numbers.forced and t == numbers.num_steps - 1
        while count < numbers.spikes:
            best = -1
            for i in range(neurons):
                may = waiting[i] and (forced or state.excess[i] >= 0)
                if may and (best < 0 or state.excess[i] > state.excess[best]):
                    best = i
            if best < 0:
                break
            fired[count, 0], fired[count, 1] = best, t
            waiting[best] = False
            count += 1
        if count == numbers.spikes:
            break
    return count


@compiled
def _score(numbers: _Numbers, readout: Ints, fired: Ints, count: int, scores: Ints) -> int:
    """The class that the readout gives to spikes; its scores go into ``scores`` [classes]."""
    classes = len(scores)
    scores[:] = 0
    for place in range(count):
        for c in range(classes):
            scores[c] += (numbers.spikes - place) * readout[fired[place, 0], c]
    best = 0
    for c in range(classes):
        if scores[c] > scores[best]:
            best = c
    return best


@compiled
def _infer_all(numbers: _Numbers, state: _State, images: Ints, fired: Ints, scores: Ints, answers: Ints) -> None:
    """Spikes, scores and classes of images."""
    for n in range(len(images)):
        count = _infer(numbers, state, images[n], fired[n])
        answers[n] = _score(numbers, state.readout, fired[n], count, scores[n])


@compiled
def _train_readout(
    numbers: _Numbers, readout: Ints, fired: Ints, labels: Ints, rate: int, scores: Ints, answers: Ints
) -> None:
    """Let the readout learn the classes of images whose spikes are known, [n, spikes, 2], -1 where there is none."""
    for n in range(len(fired)):
        count = 0
        while count < numbers.spikes and fired[n, count, 0] >= 0:
            count += 1
        answers[n] = _score(numbers, readout, fired[n], count, scores)
        label, rival = labels[n], -1
        for c in range(len(scores)):
            if c != label and (rival < 0 or scores[c] > scores[rival]):
                rival = c
        if rival < 0 or scores[label] - scores[rival] > numbers.margin:
            continue
        for place in range(count):
            change, row = rate * (numbers.spikes - place), readout[fired[n, place, 0]]
            row[label] = min(row[label] + change, numbers.readout_hi)
            row[rival] = max(row[rival] - change, numbers.readout_lo)


class CompiledStdp:
    """A learner that goes through many images in a call; ``stdp`` is where it starts, and is left as it is."""

    def __repr__(self) -> str:
        return shown(self, *self.learner.shown_parts)

    def __init__(self, stdp: Stdp) -> None:
        learner = stdp.learner
        self.learner: Learner = learner
        self._numbers = _Numbers(
            num_steps=learner.num_steps,
            leakage=learner.leakage,
            top=learner.weight.hi,
            fall=learner.fall,
            rise=learner.rise,
            highest=learner.thresholds.hi,
            soft=learner.bounds == "soft",
            forced=learner.forced,
            spikes=learner.spikes,
            nudge=learner.nudge,
            margin=learner.margin * learner.spikes**2,
            readout_lo=learner.readout.lo,
            readout_hi=learner.readout.hi,
        )
        self._state = _State(
            weight=stdp.weight.astype(np.uint8),
            threshold=stdp.threshold.astype(np.int32),
            readout=stdp.readout.astype(np.int32),
            assigned=stdp.assigned.astype(np.int32),
            register=np.array([stdp.register], np.uint32),
            by_8=np.array([lfsr_advance(byte) for byte in range(256)], np.uint32),
            membrane=np.zeros(learner.neurons, np.int32),
            excess=np.zeros(learner.neurons, np.int32),
            listed=np.zeros(learner.pixels, np.int32),
            begins=np.zeros(learner.num_steps + 2, np.int32),
        )

    @property
    def weight(self) -> NDArray[np.uint8]:
        """[pixels, neurons]; a view."""
        return self._state.weight

    @property
    def threshold(self) -> NDArray[np.int32]:
        """[neurons]; a view."""
        return self._state.threshold

    @property
    def readout(self) -> NDArray[np.int32]:
        """[neurons, classes]; a view."""
        return self._state.readout

    @property
    def assigned(self) -> NDArray[np.int32]:
        """[neurons]; a view, to be written before `teach`."""
        return self._state.assigned

    @property
    def register(self) -> int:
        """The random register after the last image."""
        return int(self._state.register[0])

    def train(self, images: NDArray[np.uint8], amplitude: int) -> NDArray[np.int32]:
        """Learn images uint8 [n, pixels], in order: winners and their steps, [n, 2]; -1 where nothing fired."""
        found = np.zeros((len(images), 2), np.int32)
        _train(self._numbers, self._state, self._steps(images), self._tables(amplitude), found)
        return found

    def teach(self, images: NDArray[np.uint8], labels: NDArray[Any], amplitude: int) -> NDArray[np.int32]:
        """Learn images with their classes, in order: winners and their steps, [n, 2]; -1 where nothing fired."""
        found = np.zeros((len(images), 2), np.int32)
        steps, classes = self._steps(images), self._labels(labels)
        _teach(self._numbers, self._state, steps, classes, self._tables(amplitude), found)
        return found

    def infer(self, images: NDArray[np.uint8]) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]:
        """Spikes [n, spikes, 2], neuron and step, -1 where there is none; scores [n, classes]; classes [n]."""
        count = len(images)
        fired = np.full((count, self.learner.spikes, 2), -1, np.int32)
        scores, answers = np.zeros((count, self.learner.classes), np.int32), np.zeros(count, np.int32)
        _infer_all(self._numbers, self._state, self._steps(images), fired, scores, answers)
        return fired, scores, answers

    def train_readout(self, fired: NDArray[np.int32], labels: NDArray[Any], rate: int) -> NDArray[np.int32]:
        """Let the readout learn the classes of images with these spikes, in order: the answers before, [n]."""
        scores, answers = np.zeros(self.learner.classes, np.int32), np.zeros(len(fired), np.int32)
        _train_readout(self._numbers, self._state.readout, fired, self._labels(labels), rate, scores, answers)
        return answers

    def _steps(self, images: NDArray[np.uint8]) -> NDArray[np.uint8]:
        if images.ndim != 2 or images.shape[1] != self.learner.pixels or images.dtype != np.uint8:
            shape = list(images.shape)
            raise ValueError(f"images must be uint8 [n, {self.learner.pixels}], not {images.dtype} {shape}")
        table = spike_steps(np.arange(256, dtype=np.uint8), self.learner.num_steps).astype(np.uint8)
        return table[images]

    def _labels(self, labels: NDArray[Any]) -> NDArray[np.int32]:
        for label in np.unique(labels).tolist():
            check_label(self.learner, label)
        return np.asarray(labels, np.int32)

    def _tables(self, amplitude: int) -> NDArray[np.int32]:
        """Strengths by the neuron's step and the input's."""
        return np.stack([strengths(self.learner, step, amplitude) for step in range(self.learner.num_steps)]).astype(
            np.int32
        )
