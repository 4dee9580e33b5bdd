"""The spiking RBM compiled: what ``golden/srbm.py`` computes, bit for bit, fast enough to train with.

It needs numba (``pip install 'snnhw[srbm]'``), which is why nothing of this package imports this module. Equal results
come by other ways than the twin's:

- The walk's register is not stepped. Its states, ``bits`` advances apart, obey the recurrence of the register's
  polynomial (squared as often as ``bits`` is even), so four draws at once are six words of 64 bits added.
- Synapses are held twice, by rows for LIF and by columns for BLIF. A hidden unit's pulse changes its column at once; a
  row is changed when its trace ends, by the count of the pulses that each column sent meanwhile.
- Where pixels stay clamped and weights stay too, the currents of a period are summed once.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from golden.compiled import compiled
from golden.lfsr import lfsr_advance
from snnhw.srbm.machine import Machine, RandomWalk
from snnhw.wording import shown

__all__ = ["CompiledSrbm", "Responses"]

Function = TypeVar("Function", bound=Callable[..., Any])
Ints = NDArray[Any]

_DRAWS = 4
"""Draws in a word, 16 bits each."""

_TICKS = 8
"""Ticks whose draws are made at once: enough for whole words, whatever the units."""

_HISTORY = 32
"""Words of draws that the next word depends on."""

_BLOCK = 16
"""Units that are looked at together for one that fires."""

_SET, _GRADUAL, _ABRUPT, _ONE_GRADUAL, _ONE_ABRUPT = range(5)
_SWEEP = {"set": _SET, "gradual": _GRADUAL, "abrupt": _ABRUPT}


class _Numbers(NamedTuple):
    """A machine's numbers, as the compiled functions take them."""

    pixels: int
    labels_per_class: int
    visible: int
    rows: int
    hidden: int
    columns: int
    threshold: int
    leak_shift: int
    lowest: int
    refractory: int
    top: int
    update: int
    refresh_rows: int
    refresh_level: int
    decay_shift: int
    window_visible: int
    window_hidden: int
    pixel_period: int
    label_period: int
    bias_period: int
    settle: int
    data: int
    transition: int
    model: int
    ticks: int
    inference_ticks: int
    stride: int
    """Draws of the recurrence for one of a unit."""


class _Walk(NamedTuple):
    """What the walk's draws are made of."""

    noise: NDArray[np.int32]
    """By draw."""
    by_8: NDArray[np.uint32]
    """What the low byte becomes in 8 advances."""
    by_draw: NDArray[np.uint32]
    """What the low bits become in the advances of one draw of the recurrence."""
    step: int
    """How many advances that are."""
    powers: NDArray[np.uint32]
    """[32, 32]: the register's bits, each after 2^n such draws."""


class _Array(NamedTuple):
    """Levels by rows and by columns: p - m is the weight. A single device is p, and m its reference."""

    p_rows: NDArray[np.uint16]
    m_rows: NDArray[np.uint16]
    p_columns: NDArray[np.uint16]
    m_columns: NDArray[np.uint16]


class _Clocks(NamedTuple):
    """Units that fire by a period: each kind's are chained by the phase that they share."""

    row_phase: NDArray[np.int32]
    first: NDArray[np.int32]
    """[4 kinds, phases]: the first pixel, label, visible bias and hidden bias of a phase; -1 where there is none."""
    next_row: NDArray[np.int32]
    next_column: NDArray[np.int32]


class _Units(NamedTuple):
    """Visible units, then hidden ones."""

    membrane: NDArray[np.int32]
    refractory: NDArray[np.int32]
    current: NDArray[np.int32]
    fires: NDArray[np.uint8]


class _Pulses(NamedTuple):
    """The learning rule's memory. Slots are of ticks, in rotation."""

    rows: NDArray[np.int32]
    """[slots, n]: the rows that fired in the slot's tick."""
    row_count: NDArray[np.int32]
    columns: NDArray[np.int32]
    """[slots, n]: the columns that fired in the slot's tick."""
    column_count: NDArray[np.int32]
    last_spike: NDArray[np.int32]
    """The tick in which a row fired last."""
    alive: NDArray[np.uint8]
    """Whether a row's trace lasts."""
    sent: NDArray[np.uint8]
    """[slots, columns]: pulses that each column has sent up to the slot's tick, modulo 256."""
    since: NDArray[np.int32]
    """The slot up to which a living row has taken what was sent to it."""
    taken: NDArray[np.uint8]
    """Room for the pulses that a row takes."""


# --- the walk ---------------------------------------------------------------------------------------------------------


@compiled
def _map(matrix: Ints, state: Any) -> Any:
    """A state after what the matrix does to each of its bits."""
    result = np.uint32(0)
    for bit in range(32):
        if (state >> np.uint32(bit)) & np.uint32(1):
            result ^= matrix[bit]
    return result


@compiled
def _leap(powers: Ints, state: Any, count: int) -> Any:
    """A state ``count`` draws later."""
    bit = 0
    while count:
        if count & 1:
            state = _map(powers[bit], state)
        count >>= 1
        bit += 1
    return state


@compiled
def _begin_walk(walk: _Walk, state: Any, words: Ints, low: Ints) -> None:
    """Make the first words of draws one by one; ``low`` is a view of ``words``."""
    for n in range(_HISTORY * _DRAWS):
        state = (state >> np.uint32(walk.step)) ^ walk.by_draw[state & np.uint32(len(walk.by_draw) - 1)]
        low[n] = state & np.uint32(len(walk.noise) - 1)


@compiled
def _next_draws(words: Ints) -> None:
    """Make the words behind the first ones from those."""
    new, old = words[_HISTORY:], words[: len(words) - _HISTORY]
    w1, w2, w3 = words[_HISTORY - 1 :], words[_HISTORY - 2 :], words[_HISTORY - 3 :]
    w5, w7 = words[_HISTORY - 5 :], words[_HISTORY - 7 :]
    for n in range(len(new)):
        new[n] = w1[n] ^ w2[n] ^ w3[n] ^ w5[n] ^ w7[n] ^ old[n]


@compiled
def _keep_last(words: Ints) -> None:
    """Move the last words to the front, where the next ones begin."""
    behind = len(words) - _HISTORY
    for n in range(_HISTORY):
        words[n] = words[behind + n]


@compiled
def _make_draws(words: Ints, t: int) -> None:
    """Make the draws of the next ticks where those of tick t are not there yet."""
    if t % _TICKS == 0:
        if t:
            _keep_last(words)
        _next_draws(words)


@compiled
def _set_clocks(numbers: _Numbers, walk: _Walk, state: Any, on: Ints) -> tuple[_Clocks, Any]:
    """Draw the phase of each row and each hidden bias, and chain those that are on; the clocks and the state behind."""
    rows, visible, pixels = numbers.rows, numbers.visible, numbers.pixels
    biases = numbers.columns - numbers.hidden
    clocks = _Clocks(
        np.zeros(rows, np.int32), np.full((4, 256), -1, np.int32), np.zeros(rows, np.int32), np.zeros(biases, np.int32)
    )
    for v in range(rows):
        kind = 0 if v < pixels else 1 if v < visible else 2
        period = numbers.pixel_period if kind == 0 else numbers.label_period if kind == 1 else numbers.bias_period
        state = (state >> np.uint32(8)) ^ walk.by_8[state & np.uint32(0xFF)]
        phase = ((state & np.uint32(0xFF)) * np.uint32(period)) >> np.uint32(8)
        clocks.row_phase[v] = phase
        if kind == 2 or on[v]:
            clocks.next_row[v] = clocks.first[kind, phase]
            clocks.first[kind, phase] = v
    for n in range(biases):
        state = (state >> np.uint32(8)) ^ walk.by_8[state & np.uint32(0xFF)]
        phase = ((state & np.uint32(0xFF)) * np.uint32(numbers.bias_period)) >> np.uint32(8)
        clocks.next_column[n] = clocks.first[3, phase]
        clocks.first[3, phase] = n
    return clocks, state


@compiled
def _list_chain(unit: int, following: Ints, offset: int, found: Ints, count: int) -> int:
    """Append the units of a chain to the ``count`` that were found; how many there are then."""
    while unit >= 0:
        found[count] = offset + unit
        count += 1
        unit = following[unit]
    return count


@compiled
def _list_fires(fires: Ints, first: int, found: Ints, count: int) -> int:
    """Append the units from the first on that fire; how many there are then. Blocks where none does are passed over."""
    for start in range(first, len(fires), _BLOCK):
        block = fires[start : start + _BLOCK]
        any_fires = np.uint8(0)
        for fired in block:
            any_fires |= fired
        if any_fires:
            for n in range(len(block)):
                if block[n]:
                    found[count] = start + n
                    count += 1
    return count


# --- units ------------------------------------------------------------------------------------------------------------


@compiled
def _step_units(
    numbers: _Numbers,
    units: _Units,
    noise: Ints,
    low: Ints,
    at: int,
    first: int,
    last: int,
) -> None:
    """A tick of the units from first to last, all of them free."""
    force = np.empty(last - first, np.int32)
    draws = low[at + first * numbers.stride + numbers.stride - 1 :]
    if numbers.stride == 1:
        for n in range(last - first):
            force[n] = noise[draws[n]]
    else:
        for n in range(last - first):
            force[n] = noise[draws[n * numbers.stride]]
    lowest, threshold = np.int32(numbers.lowest), np.int32(numbers.threshold)
    refractory, shift = np.int32(numbers.refractory), np.int32(numbers.leak_shift)
    v, r = units.membrane[first:last], units.refractory[first:last]
    i, f = units.current[first:last], units.fires[first:last]
    for n in range(last - first):
        integrated = np.int32(v[n] - (v[n] >> shift) + i[n] + force[n])
        integrated = max(integrated, lowest)
        idle = r[n] == 0
        fired = idle & (integrated >= threshold)
        v[n] = integrated if idle & (integrated < threshold) else np.int32(0)
        r[n] = refractory if fired else max(np.int32(r[n] - np.int32(1)), np.int32(0))
        f[n] = fired


# --- synapses ---------------------------------------------------------------------------------------------------------


@compiled
def _add(levels: Ints, counts: Ints, step: Any, top: Any) -> None:
    for n in range(len(counts)):
        levels[n] = min(np.int32(levels[n] + np.int32(counts[n]) * step), top)


@compiled
def _subtract(levels: Ints, counts: Ints, step: Any) -> None:
    for n in range(len(counts)):
        levels[n] = max(np.int32(levels[n] - np.int32(counts[n]) * step), np.int32(0))


@compiled
def _clear(levels: Ints, counts: Ints) -> None:
    for n in range(len(counts)):
        if counts[n]:
            levels[n] = 0


@compiled
def _update(numbers: _Numbers, p: Ints, m: Ints, counts: Ints, step: int, gate: int) -> None:
    """Update a row's or column's synapses, each ``counts`` times."""
    size, top = np.int32(step), np.int32(numbers.top)
    rises, falls = (p, m) if gate > 0 else (m, p)
    if numbers.update >= _ONE_GRADUAL:
        if gate > 0:
            _add(p, counts, size, top)
        elif numbers.update == _ONE_GRADUAL:
            _subtract(p, counts, size)
        else:
            _clear(p, counts)
        return
    _add(rises, counts, size, top)
    if numbers.update == _GRADUAL:
        _subtract(falls, counts, size)
    elif numbers.update == _ABRUPT:
        _clear(falls, counts)


@compiled
def _close_row(numbers: _Numbers, array: _Array, pulses: _Pulses, v: int, now: int, step: int, gate: int) -> None:
    """Update row v by the pulses that its columns sent since it was last updated, up to the slot ``now``."""
    width = numbers.columns if v < numbers.visible else numbers.hidden
    late, early, taken = pulses.sent[now], pulses.sent[pulses.since[v]], pulses.taken[:width]
    for h in range(width):
        taken[h] = late[h] - early[h]
    _update(numbers, array.p_rows[v], array.m_rows[v], taken, step, gate)


@compiled
def _close_rows(numbers: _Numbers, array: _Array, pulses: _Pulses, now: int, step: int, gate: int) -> None:
    """Update all rows that pulses may have reached, as a phase ends."""
    for v in range(numbers.rows):
        if pulses.alive[v]:
            if gate:
                _close_row(numbers, array, pulses, v, now, step, gate)
            pulses.since[v] = now


@compiled
def _end_traces(numbers: _Numbers, array: _Array, pulses: _Pulses, t: int, before: int, step: int, gate: int) -> None:
    """Update the rows whose trace ends in tick t; ``before`` is the slot of the tick before."""
    if t < numbers.window_visible:
        return
    slot = (t - numbers.window_visible) % len(pulses.row_count)
    for v in pulses.rows[slot, : pulses.row_count[slot]]:
        if pulses.last_spike[v] == t - numbers.window_visible:
            if gate:
                _close_row(numbers, array, pulses, v, before, step, gate)
            pulses.alive[v] = 0


@compiled
def _begin_traces(numbers: _Numbers, array: _Array, pulses: _Pulses, t: int, before: int, step: int, gate: int) -> None:
    """The rows that fire take what their last trace let through, and begin another."""
    slot = t % len(pulses.row_count)
    for v in pulses.rows[slot, : pulses.row_count[slot]]:
        if pulses.alive[v] and gate:
            _close_row(numbers, array, pulses, v, before, step, gate)
        pulses.since[v] = before
        pulses.last_spike[v] = t
        pulses.alive[v] = 1


@compiled
def _send(numbers: _Numbers, array: _Array, pulses: _Pulses, t: int, now: int, step: int, gate: int) -> None:
    """Pulses of the columns that fired ``window_hidden`` ticks ago arrive, and change their columns."""
    if not gate or t < numbers.window_hidden:
        return
    slot = (t - numbers.window_hidden) % len(pulses.column_count)
    for h in pulses.columns[slot, : pulses.column_count[slot]]:
        pulses.sent[now, h] += 1
        height = numbers.rows if h < numbers.hidden else numbers.visible
        p, m, alive = array.p_columns[h, :height], array.m_columns[h, :height], pulses.alive[:height]
        _update(numbers, p, m, alive, step, gate)


@compiled
def _add_weights(current: Ints, p: Ints, m: Ints) -> None:
    for n in range(len(current)):
        current[n] += np.int32(np.int32(p[n]) - np.int32(m[n]))


@compiled
def _add_row(current: Ints, weights: Ints) -> None:
    for n in range(len(current)):
        current[n] += np.int32(weights[n])


@compiled
def _refresh(numbers: _Numbers, array: _Array, first: int) -> int:
    """Refresh the next rows of the rotation; where it goes on."""
    row = first
    for _ in range(numbers.refresh_rows):
        for h in range(numbers.columns):
            p, m = np.int32(array.p_rows[row, h]), np.int32(array.m_rows[row, h])
            if p >= numbers.refresh_level or m >= numbers.refresh_level or numbers.decay_shift:
                weight = p - m
                if numbers.decay_shift:
                    less = abs(weight) >> numbers.decay_shift
                    weight = weight - less if weight > 0 else weight + less
                p, m = max(weight, np.int32(0)), max(-weight, np.int32(0))
                array.p_rows[row, h] = array.p_columns[h, row] = p
                array.m_rows[row, h] = array.m_columns[h, row] = m
        row = row + 1 if row + 1 < numbers.rows else 0
    return row


# --- commands ---------------------------------------------------------------------------------------------------------


@compiled
def _new_units(numbers: _Numbers) -> _Units:
    count = numbers.visible + numbers.hidden
    return _Units(
        np.zeros(count, np.int32), np.zeros(count, np.int32), np.zeros(count, np.int32), np.zeros(count, np.uint8)
    )


@compiled
def _new_pulses(numbers: _Numbers) -> _Pulses:
    slots = max(numbers.window_visible, numbers.window_hidden) + 2
    return _Pulses(
        np.zeros((slots, numbers.rows), np.int32),
        np.zeros(slots, np.int32),
        np.zeros((slots, numbers.columns), np.int32),
        np.zeros(slots, np.int32),
        np.zeros(numbers.rows, np.int32),
        np.zeros(numbers.rows, np.uint8),
        np.zeros((slots, numbers.columns), np.uint8),
        np.zeros(numbers.rows, np.int32),
        np.zeros(numbers.columns, np.uint8),
    )


@compiled
def _train(
    numbers: _Numbers,
    walk: _Walk,
    words: Ints,
    low: Ints,
    array: _Array,
    state: Any,
    refresh: int,
    bits: Ints,
    label: int,
    step: int,
    hold: bool,
    counts: Ints,
) -> tuple[Any, int]:
    """A training image; the register and the refresh pointer behind. ``counts`` [4 phases, units] are added to."""
    rows, visible, hidden = numbers.rows, numbers.visible, numbers.hidden
    on = np.zeros(visible, np.uint8)
    on[: numbers.pixels] = bits
    of_class = numbers.pixels + label * numbers.labels_per_class
    on[of_class : of_class + numbers.labels_per_class] = 1
    clocks, state = _set_clocks(numbers, walk, state, on)
    _begin_walk(walk, state, words, low)
    units, pulses = _new_units(numbers), _new_pulses(numbers)
    first = numbers.pixels if hold else 0  # of the free visible units, once there are any
    clamped, ticks = numbers.settle + numbers.data, numbers.ticks
    gate = before = 0
    for t in range(ticks):
        _make_draws(words, t)
        at = (t % _TICKS) * (visible + hidden) * numbers.stride
        now = t % len(pulses.row_count)
        part = 0 if t < numbers.settle else 1 if t < clamped else 2 if t < ticks - numbers.model else 3
        _end_traces(numbers, array, pulses, t, before, step, gate)
        wanted = 1 if part == 1 else -1 if part == 3 else 0
        if wanted != gate:
            _close_rows(numbers, array, pulses, before, step, gate)
            gate = wanted
        pulses.sent[now] = pulses.sent[before]

        fired, count = pulses.rows[now], 0
        if t < clamped or hold:
            count = _list_chain(clocks.first[0, t % numbers.pixel_period], clocks.next_row, 0, fired, count)
        if t < clamped:
            count = _list_chain(clocks.first[1, t % numbers.label_period], clocks.next_row, 0, fired, count)
        else:
            _step_units(numbers, units, walk.noise, low, at, first, visible)
            count = _list_fires(units.fires[:visible], first, fired, count)
        count = _list_chain(clocks.first[2, t % numbers.bias_period], clocks.next_row, 0, fired, count)
        pulses.row_count[now] = count
        _step_units(numbers, units, walk.noise, low, at, visible, visible + hidden)
        sources = pulses.columns[now]
        total = _list_fires(units.fires[visible:], 0, sources, 0)
        total = _list_chain(clocks.first[3, t % numbers.bias_period], clocks.next_column, hidden, sources, total)
        pulses.column_count[now] = total

        _begin_traces(numbers, array, pulses, t, before, step, gate)
        units.current[:] = 0
        for v in fired[:count]:
            counts[part, v] += 1
            _add_weights(units.current[visible:], array.p_rows[v, :hidden], array.m_rows[v, :hidden])
        for h in sources[:total]:
            counts[part, rows + h] += 1
            if t + 1 >= clamped:
                p, m = array.p_columns[h, first:visible], array.m_columns[h, first:visible]
                _add_weights(units.current[first:visible], p, m)
        _send(numbers, array, pulses, t, now, step, gate)
        before = now
    _close_rows(numbers, array, pulses, before, step, gate)
    state = _leap(walk.powers, state, ticks * (visible + hidden) * numbers.stride)
    return state, _refresh(numbers, array, refresh)


@compiled
def _train_images(
    numbers: _Numbers,
    walk: _Walk,
    words: Ints,
    low: Ints,
    array: _Array,
    state: Any,
    refresh: int,
    bits: Ints,
    labels: Ints,
    steps: Ints,
    holds: Ints,
    counts: Ints,
) -> tuple[Any, int]:
    """Training images, one after another."""
    for n in range(len(labels)):
        state, refresh = _train(
            numbers, walk, words, low, array, state, refresh, bits[n], labels[n], steps[n], holds[n], counts[n]
        )
    return state, refresh


@compiled
def _respond(
    numbers: _Numbers,
    walk: _Walk,
    words: Ints,
    low: Ints,
    seed: Any,
    by_rows: Ints,
    by_columns: Ints,
    bits: Ints,
    known: Ints,
    counts: Ints,
) -> None:
    """An inference or regeneration. ``counts`` [units] become the spikes of each row and column."""
    rows, visible, hidden, pixels = numbers.rows, numbers.visible, numbers.hidden, numbers.pixels
    period = numbers.pixel_period
    clocks, state = _set_clocks(numbers, walk, seed, np.zeros(visible, np.uint8))
    first = pixels  # of the free units
    steady = np.zeros((period, hidden), np.int32)
    for v in range(pixels - 1, -1, -1):
        if not known[v]:
            first = v
        elif bits[v]:
            phase = clocks.row_phase[v]
            _add_row(steady[phase], by_rows[v, :hidden])
            counts[v] = (numbers.inference_ticks - phase + period - 1) // period

    _begin_walk(walk, state, words, low)
    units = _new_units(numbers)
    fired, sources = np.zeros(rows, np.int32), np.zeros(numbers.columns, np.int32)
    for t in range(numbers.inference_ticks):
        _make_draws(words, t)
        at = (t % _TICKS) * (visible + hidden) * numbers.stride
        _step_units(numbers, units, walk.noise, low, at, first, visible + hidden)
        for v in range(first, pixels):
            if known[v]:
                units.membrane[v] = units.refractory[v] = units.fires[v] = 0
        count = _list_fires(units.fires[:visible], first, fired, 0)
        count = _list_chain(clocks.first[2, t % numbers.bias_period], clocks.next_row, 0, fired, count)
        total = _list_fires(units.fires[visible:], 0, sources, 0)
        total = _list_chain(clocks.first[3, t % numbers.bias_period], clocks.next_column, hidden, sources, total)
        units.current[first:visible] = 0
        units.current[visible:] = steady[t % period]
        for v in fired[:count]:
            counts[v] += 1
            _add_row(units.current[visible:], by_rows[v, :hidden])
        for h in sources[:total]:
            counts[rows + h] += 1
            _add_row(units.current[first:visible], by_columns[h, first:visible])


@compiled
def _respond_images(
    numbers: _Numbers,
    walk: _Walk,
    words: Ints,
    low: Ints,
    seed: Any,
    by_rows: Ints,
    by_columns: Ints,
    bits: Ints,
    known: Ints,
    counts: Ints,
) -> None:
    for n in range(len(bits)):
        _respond(numbers, walk, words, low, seed, by_rows, by_columns, bits[n], known[n % len(known)], counts[n])


# --- the machine ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Responses:
    """What B inferences or regenerations gave."""

    scores: NDArray[np.int64]
    """[B, classes]: spikes of each class's label units."""
    spikes: NDArray[np.int64]
    """[B, rows + columns]: spikes of every row, then of every column."""
    images: NDArray[np.uint8]
    """[B, pixels]: known pixels as they were given, the others on where they fired in more than half of their slots."""

    @property
    def classes(self) -> NDArray[np.int64]:
        """[B]: the class of each image, the first among equals."""
        classes: NDArray[np.int64] = self.scores.argmax(axis=1)
        return classes


class CompiledSrbm:
    """The machine with its levels: trains, infers and regenerates as :class:`golden.srbm.Srbm` does, many at once.

    ``gp`` and ``gm`` (None for one device a synapse) are [rows, columns] of levels; ``walk`` is the register and
    ``refresh`` the row that is refreshed next, as training left them. Raises ValueError for what does not fit, since
    nothing compiled looks where it writes.
    """

    def __repr__(self) -> str:
        return shown(self, *self.machine.shown_parts)

    def __init__(
        self,
        machine: Machine,
        gp: NDArray[Any],
        gm: NDArray[Any] | None = None,
        *,
        walk: int | None = None,
        refresh: int = 0,
    ) -> None:
        walk = machine.seed if walk is None else walk
        if not 0 < walk < 1 << 32 or not 0 <= refresh < machine.rows:
            raise ValueError(f"walk must lie in 1..{(1 << 32) - 1} and refresh in 0..{machine.rows - 1}")
        self.machine = machine
        self.walk = walk
        self.refresh = refresh
        self._numbers = _numbers(machine)
        self._walk = _walk_tables(machine)
        if gm is None and machine.synapse.paired:
            raise ValueError("two devices a synapse need gm")
        first, second = (_checked(machine, levels) for levels in (gp, machine.synapse.reference if gm is None else gm))
        self._array = _Array(*(np.array(levels, order="C") for levels in (first, second, first.T, second.T)))

    @property
    def gp(self) -> NDArray[np.uint16]:
        """The levels of the first device, a copy."""
        return self._array.p_rows.copy()

    @property
    def gm(self) -> NDArray[np.uint16]:
        """The levels of the second device, a copy; of one device the reference."""
        return self._array.m_rows.copy()

    @property
    def weights(self) -> NDArray[np.int32]:
        """Of every row (first axis) and column."""
        return self._array.p_rows.astype(np.int32) - self._array.m_rows.astype(np.int32)

    def train(
        self,
        bits: NDArray[Any],
        labels: NDArray[Any],
        steps: NDArray[Any],
        holds: NDArray[Any] | None = None,
    ) -> NDArray[np.int32]:
        """Train on images [B, pixels] of 0 and 1 with their labels [B] and steps [B], in order.

        With ``holds`` [B] true the pixels stay clamped throughout, see :meth:`golden.srbm.Srbm.train`.

        Returns the spikes [B, 4, rows + columns] of every row and column in settle, data, transition and model.
        """
        machine, bits = self.machine, self._bits(bits)
        counts = np.zeros((len(bits), 4, machine.rows + machine.columns), np.int32)
        state, refresh = _train_images(
            self._numbers,
            self._walk,
            *self._buffer(),
            self._array,
            np.uint32(self.walk),
            self.refresh,
            bits,
            _within("labels", labels, len(bits), machine.classes - 1),
            _within("steps", steps, len(bits), machine.synapse.levels.hi),
            _within("holds", np.zeros(len(bits), np.bool_) if holds is None else holds, len(bits), 1).astype(np.bool_),
            counts,
        )
        self.walk, self.refresh = int(state), int(refresh)
        return counts

    def infer(self, bits: NDArray[Any], *, threads: int = 1) -> Responses:
        """Infer the classes of images [B, pixels]."""
        return self._respond(bits, np.ones((1, self.machine.pixels), np.uint8), threads)

    def regenerate(self, bits: NDArray[Any], known: NDArray[Any], *, threads: int = 1) -> Responses:
        """Complete images [B, pixels] where ``known`` ([B, pixels], or one row for all) is 0."""
        return self._respond(bits, self._bits(known), threads)

    def _respond(self, bits: NDArray[Any], known: NDArray[np.uint8], threads: int) -> Responses:
        machine, bits = self.machine, self._bits(bits)
        if len(known) not in (1, len(bits)):
            raise ValueError(f"known must be one image or {len(bits)}, not {len(known)}")
        counts = np.zeros((len(bits), machine.rows + machine.columns), np.int32)
        by_rows = self.weights
        by_columns = np.ascontiguousarray(by_rows.T)

        def respond(part: slice) -> None:
            shown = known[part] if len(known) > 1 else known
            _respond_images(
                self._numbers,
                self._walk,
                *self._buffer(),
                np.uint32(machine.seed),
                by_rows,
                by_columns,
                bits[part],
                shown,
                counts[part],
            )

        portion = max(1, -(-len(bits) // threads))
        parts = [slice(start, start + portion) for start in range(0, len(bits), portion)]
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(respond, parts))
        return self._responses(bits, known, counts.astype(np.int64))

    def _responses(self, bits: NDArray[np.uint8], known: NDArray[np.uint8], counts: NDArray[np.int64]) -> Responses:
        machine = self.machine
        labels = counts[:, machine.pixels : machine.visible]
        scores = labels.reshape(len(bits), machine.classes, machine.labels_per_class).sum(axis=2)
        often = counts[:, : machine.pixels] * 2 * (machine.neuron.refractory + 1) > machine.inference_ticks
        return Responses(scores, counts, np.where(known, bits, often).astype(np.uint8))

    def _bits(self, images: NDArray[Any]) -> NDArray[np.uint8]:
        images, pixels = np.asarray(images), self.machine.pixels
        if images.ndim != 2 or images.shape[1] != pixels or not ((images == 0) | (images == 1)).all():
            raise ValueError(f"images must be [B, {pixels}] bits, each 0 or 1")
        return np.ascontiguousarray(images, np.uint8)

    def _buffer(self) -> tuple[NDArray[np.uint64], NDArray[np.uint16]]:
        """Words for the draws of some ticks, and the same as draws."""
        draws = _TICKS * (self.machine.visible + self.machine.hidden) * self._numbers.stride
        words = np.zeros(_HISTORY + draws // _DRAWS, np.uint64)
        return words, words.view(np.uint16)


def _checked(machine: Machine, levels: NDArray[Any] | int) -> NDArray[np.uint16]:
    """Levels of every synapse, in range."""
    shape, top = (machine.rows, machine.columns), machine.synapse.levels.hi
    array = np.full(shape, levels) if isinstance(levels, int) else np.asarray(levels)
    if array.shape != shape or array.dtype.kind not in "iu":
        raise ValueError(f"levels must be integers [{shape[0]}, {shape[1]}], not {array.dtype} {list(array.shape)}")
    if int(array.min()) < 0 or int(array.max()) > top:
        raise ValueError(f"levels must lie in 0..{top}, not {array.min()}..{array.max()}")
    return array.astype(np.uint16)


def _within(what: str, values: NDArray[Any], count: int, top: int) -> NDArray[np.int64]:
    """So many integers, from 0 to top."""
    array = np.asarray(values)
    whole = array.dtype.kind in "biu" and array.shape == (count,)
    if not whole or (count and not 0 <= int(array.min()) <= int(array.max()) <= top):
        raise ValueError(f"{what} must be {count} integers in 0..{top}")
    return array.astype(np.int64)


@lru_cache(maxsize=8)
def _numbers(machine: Machine) -> _Numbers:
    neuron, synapse, periods, phases = machine.neuron, machine.synapse, machine.periods, machine.phases
    update = _SWEEP[synapse.update] if synapse.paired else _ONE_GRADUAL + (synapse.update == "abrupt")
    bits = machine.noise.bits
    return _Numbers(
        pixels=machine.pixels,
        labels_per_class=machine.labels_per_class,
        visible=machine.visible,
        rows=machine.rows,
        hidden=machine.hidden,
        columns=machine.columns,
        threshold=neuron.threshold,
        leak_shift=neuron.leak_shift,
        lowest=neuron.membrane.lo,
        refractory=neuron.refractory,
        top=synapse.levels.hi,
        update=update,
        refresh_rows=synapse.refresh_rows,
        refresh_level=synapse.refresh_level,
        decay_shift=synapse.decay_shift,
        window_visible=machine.window.visible,
        window_hidden=machine.window.hidden,
        pixel_period=periods.pixel,
        label_period=periods.label,
        bias_period=periods.bias,
        settle=phases.settle,
        data=phases.data,
        transition=phases.transition,
        model=phases.model,
        ticks=phases.ticks,
        inference_ticks=machine.inference_ticks,
        stride=bits // (bits & -bits),
    )


@lru_cache(maxsize=8)
def _walk_tables(machine: Machine) -> _Walk:
    noise = machine.noise
    draws = np.arange(1 << noise.bits)
    if isinstance(noise, RandomWalk):
        ones = np.bitwise_count(draws).astype(np.int64)
        forces = (2 * ones - noise.draws) * noise.step
    else:
        forces = noise.step * ((draws < noise.up).astype(np.int64) - (draws >= 256 - noise.down))
    step = noise.bits & -noise.bits
    matrix = [lfsr_advance(1 << bit, step) for bit in range(32)]
    powers = [matrix]
    for _ in range(31):
        powers.append([_mapped(powers[-1], column) for column in powers[-1]])
    return _Walk(
        noise=forces.astype(np.int32),
        by_8=np.array([lfsr_advance(byte, 8) for byte in range(256)], np.uint32),
        by_draw=np.array([lfsr_advance(bits, step) for bits in range(1 << step)], np.uint32),
        step=step,
        powers=np.array(powers, np.uint32),
    )


def _mapped(matrix: list[int], state: int) -> int:
    result = 0
    for bit in range(32):
        if state >> bit & 1:
            result ^= matrix[bit]
    return result
