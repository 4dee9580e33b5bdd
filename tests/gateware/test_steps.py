# amaranth: UnusedElaboratable=no
# ruff: noqa: ERA001
"""Words of all steps at once become those of each step, one step after the other, whatever waits."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateware.steps import StepQueues
from snnhw.interface import EVENT, SAMPLE, STEP
from snnhw.network import Range
from tests.gateware.harness import Stall, examples, filled_lanes, simulate, stalls

Words = list[dict[str, Any]]

ADDRESSES = 16


def words_of(samples: Any, steps: int) -> Words:
    """Values [samples, words, lanes, steps] as words; where there is one step, a value is a number."""
    words = []
    for sample in samples:
        for number, word in enumerate(sample):
            value = [lane[0] if steps == 1 else list(lane) for lane in word]
            mark = SAMPLE if number == len(sample) - 1 else EVENT
            words.append({"mark": mark, "base": number * len(word), "filled": filled_lanes(value), "value": value})
    return words


def split(samples: Any, steps: int) -> Words:
    """What should come of the same values: of each sample, of each step, the words with an event or the mark."""
    words = []
    for sample in samples:
        for step in range(steps):
            for number, word in enumerate(sample):
                value, last = [lane[step] for lane in word], number == len(sample) - 1
                mark = EVENT if not last else SAMPLE if step == steps - 1 else STEP
                if any(value) or last:
                    own = {"mark": mark, "base": number * len(word), "filled": filled_lanes(value), "value": value}
                    words.append(own)
    return words


def queues(steps: int, count: int, lanes: int = 2, hi: int = 3) -> StepQueues:
    return StepQueues(ADDRESSES, lanes, Range(lo=0, hi=hi), steps, count)


def values_of(seed: int, *shape: int, hi: int = 3, density: float = 0.4) -> list[Any]:
    random = np.random.default_rng(seed)
    values: list[Any] = (random.integers(1, hi, shape, endpoint=True) * (random.random(shape) < density)).tolist()
    return values


def test_the_first_step_comes_at_once_and_the_others_when_it_has_ended():
    """Two words of one lane: events at steps 0 and 2, then at step 1."""
    samples = [[[[3, 0, 1]], [[0, 2, 0]]]]
    run = simulate(queues(3, 2, lanes=1), {"words": words_of(samples, 3)})
    assert run.taken("words") == [0, 1]
    sent = [(word["mark"], word["base"], word["value"]) for word in run.payloads("kept")]
    assert sent == [(EVENT, 0, [3]), (STEP, 1, [0]), (STEP, 1, [2]), (EVENT, 0, [1]), (SAMPLE, 1, [0])]
    assert run.taken("kept") == [3, 4, 5, 6, 7]


def test_words_without_events_are_dropped_but_for_the_last():
    samples = [[[[0, 0]], [[0, 0]], [[0, 1]], [[0, 0]]]]
    run = simulate(queues(2, 4, lanes=1), {"words": words_of(samples, 2)})
    assert [(word["mark"], word["base"]) for word in run.payloads("kept")] == [(STEP, 3), (EVENT, 2), (SAMPLE, 3)]


@pytest.mark.slow
@examples(12)
@given(
    steps=st.integers(2, 5),
    count=st.integers(1, 6),
    samples=st.integers(1, 4),
    hi=st.sampled_from([1, 3]),
    density=st.sampled_from([0.0, 0.3, 1.0]),
    stall=stalls,
    seed=st.integers(0, 99),
)
def test_every_step_in_its_order(
    steps: int, count: int, samples: int, hi: int, density: float, stall: Stall, seed: int
):
    values = values_of(seed, samples, count, 2, steps, hi=hi, density=density)
    run = simulate(queues(steps, count, hi=hi), {"words": words_of(values, steps)}, stall)
    assert run.payloads("kept") == split(values, steps)


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_full_queues_over_several_samples(count: int):
    """All lanes send at all steps: words of a later sample wait until queues have room for them."""
    values = values_of(5, 5, count, 2, 3, density=1.0)
    for stall in (Stall(), Stall(sink=0.8, seed=4)):
        run = simulate(queues(3, count), {"words": words_of(values, 3)}, stall)
        assert run.payloads("kept") == split(values, 3)
    taken: Sequence[int] = run.taken("words")
    assert taken[-1] > run.taken("kept")[count * 3 - 1], "nothing has waited"


def test_a_word_is_taken_by_all_queues_or_none():
    """The queue of step 0 goes on while that of step 1 is full; the word that both want waits, and comes once."""
    values = [[[[1, 1]]] * 2] * 4
    dut = queues(2, 2, lanes=1)
    run = simulate(dut, {"words": words_of(values, 2)}, Stall(sink=0.7, seed=8))
    assert run.payloads("kept") == split(values, 2)
    assert [word["mark"] for word in run.payloads("kept")] == [EVENT, STEP, EVENT, SAMPLE] * 4
