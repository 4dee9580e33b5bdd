"""From what a circuit's taps showed to arrays of golden's shapes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from golden.network import LayerTrace
from snnhw.interface import ABORT, EVENT, SAMPLE, STEP, PayloadField, Tap, TapSignal
from snnhw.simulate.bits import Words, unpack, words_for


def record_words(tap: Tap) -> int:
    """The 32-bit words of one record: each signal begins with a word of its own."""
    return sum(words_for(signal.width * signal.count) for signal in tap.signals)


def public_names(taps: Iterable[Tap]) -> list[str]:
    """The names of all signals of some taps, their strobes among them, in order."""
    return sorted({name for tap in taps for name in (tap.strobe, *(signal.signal for signal in tap.signals))})


def signal_words(tap: Tap) -> Iterator[tuple[TapSignal, slice]]:
    """Each signal with the words of a record that hold it."""
    start = 0
    for signal in tap.signals:
        end = start + words_for(signal.width * signal.count)
        yield signal, slice(start, end)
        start = end


def tap_numbers(tap: Tap, records: Words) -> dict[str, NDArray[Any]]:
    """The signals of a tap by name, [n, count], that ``records`` [n, words] hold."""
    return {
        signal.name: unpack(records[:, words], width=signal.width, count=signal.count, signed=signal.signed)
        for signal, words in signal_words(tap)
    }


def unpack_field(field: PayloadField, words: Words) -> NDArray[Any]:
    """A field of payloads [n, words] as numbers [n, count]."""
    return unpack(words, width=field.width, count=field.count, signed=field.signed, offset=field.offset)


def decode_layer(tap: Tap, records: Words, num_steps: int, samples: int) -> LayerTrace:
    """The trace of those samples, at most ``samples``, that every record is there of.

    ``records`` is [n, words], in the order in which they came; arrays are [num_steps, whole samples, units].
    """
    words, rounds = len(tap.order), num_steps // tap.steps
    whole = min(len(records) // (rounds * words), samples)
    used = whole * rounds * words
    places = _places(tap)
    fields: dict[str, NDArray[Any]] = {}
    for name, lanes in tap_numbers(tap, records[:used]).items():
        by_step = lanes.reshape(whole, rounds, words * lanes.shape[1] // tap.steps, tap.steps)[:, :, places]
        fields[name] = by_step.transpose(1, 3, 0, 2).reshape(num_steps, whole, by_step.shape[2])
    named = {name: fields.pop(name) for name in ("integrated", "spike", "value") if name in fields}
    return LayerTrace(**named, state=fields)


def _places(tap: Tap) -> slice | NDArray[np.intp]:
    """Where each neuron lies among the lanes of a step's words, as an index."""
    lanes = [unit for word in tap.order for unit in word]
    units = [unit for unit in lanes if unit is not None]
    if lanes[: len(units)] == list(range(len(units))):
        return slice(0, len(units))
    return np.argsort([len(lanes) if unit is None else unit for unit in lanes], kind="stable")[: len(units)]


@dataclass(frozen=True)
class EncoderTrace:
    """The encoder's transfers in the order in which they came: n events, and where samples and steps ended."""

    sample: NDArray[np.int64]
    """[n] whole samples before the event."""
    step: NDArray[np.int64]
    """[n] steps of its sample before the event."""
    address: NDArray[np.int64]
    """[n]"""
    value: NDArray[np.int64]
    """[n]"""
    steps: NDArray[np.int64]
    """[whole samples] the steps of each."""
    ends: NDArray[np.int64]
    """[whole samples] transfers up to the one that ended each, that one included."""
    transfers: int
    """All of them, marks and what was given up included."""
    aborts: int
    """Samples that were given up."""

    def surplus(self, samples: int) -> int:
        """Transfers after the one that ended the last of so many samples; 0 where that one never came."""
        return self.transfers - int(self.ends[samples - 1]) if 0 < samples <= len(self.ends) else 0

    def values(
        self, steps: int, samples: int, inputs: int, repeats: bool = False
    ) -> tuple[NDArray[Any], NDArray[np.int64]]:
        """The events as an array [steps, samples, inputs], 0 meaning none, and the samples of those it cannot hold.

        It cannot hold events outside of it, nor one of value 0. Nor one that comes a second time in its step, unless it
        ``repeats``: then the array holds the sums.
        """
        inside = (self.step < steps) & (self.sample < samples) & (self.address < inputs)
        place = (self.step[inside] * samples + self.sample[inside]) * inputs + self.address[inside]
        if repeats:
            sums = np.bincount(place, self.value[inside], steps * samples * inputs).astype(np.int64)
            strays = np.unique(self.sample[~(inside & (self.value != 0))])
            return sums.reshape(steps, samples, inputs), strays[strays < samples]
        array = np.zeros(steps * samples * inputs, np.uint16 if (self.value > 255).any() else np.uint8)
        array[place] = self.value[inside]
        shaped = array.reshape(steps, samples, inputs)
        if np.count_nonzero(array) == len(self.step):
            return shaped, np.zeros(0, np.int64)
        sent = np.bincount(self.sample, minlength=samples)
        held = np.count_nonzero(shaped, axis=(0, 2))
        return shaped, np.flatnonzero(sent[:samples] != held)


def decode_encoder(tap: Tap, records: Words) -> EncoderTrace:
    """The events and marks that ``records`` [n, words] hold; of several lanes, those whose value is not 0."""
    columns = tap_numbers(tap, records)
    mark, value = columns["mark"][:, 0], columns["value"]
    ended = mark == SAMPLE
    over = ended | (mark == ABORT)
    step_ends = np.cumsum((mark == STEP) | ended)
    # Steps that ended before the sample in which each record lies: of the last record that ended a sample.
    last_over = np.maximum.accumulate(np.where(over, np.arange(len(mark)), -1)) if len(mark) else np.zeros(0, np.int64)
    previous = np.concatenate([[-1], last_over[:-1]])[: len(mark)]
    before = np.where(previous >= 0, step_ends[previous], 0)
    kept, sample = _kept_events(mark, ended, over)
    present = value != 0
    present[:, 0] |= ~present.any(axis=1)
    record, lane = np.nonzero(present & kept[:, None])
    return EncoderTrace(
        sample=sample[record],
        step=(step_ends - before)[record].astype(np.int64),
        address=columns["address"][record, lane].astype(np.int64) * value.shape[1] + lane,
        value=value[record, lane].astype(np.int64),
        steps=(step_ends - before)[ended].astype(np.int64),
        ends=np.flatnonzero(ended) + 1,
        transfers=len(mark),
        aborts=int(np.count_nonzero(mark == ABORT)),
    )


def _kept_events(
    mark: NDArray[Any], ended: NDArray[np.bool_], over: NDArray[np.bool_]
) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Which records are events of samples that were not given up, and each record's sample."""
    attempt: NDArray[np.int64] = np.cumsum(over) - over
    sample: NDArray[np.int64] = np.cumsum(ended) - ended
    return (mark == EVENT) & ~np.isin(attempt, attempt[mark == ABORT]), sample
