"""Words become pieces, and pieces beats: nothing is lost, doubled or moved, and no cycle is wasted."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateware.width import Narrow, Skid, Widen, marked_layout
from snnhw.interface import ABORT, EVENT, SAMPLE
from tests.gateware.harness import Stall, examples, simulate, stalls

marks = st.sampled_from([EVENT, EVENT, EVENT, SAMPLE, ABORT])
sizes = st.sampled_from([(8, 1), (8, 2), (8, 8), (8, 3), (24, 5), (1, 7), (32, 4)])


def ref_narrow(width: int, words: list[dict[str, int]]) -> list[tuple[int, int]]:
    pieces = []
    for word in words:
        for index in range(word["final"] + 1):
            mark = word["mark"] if index == word["final"] else EVENT
            pieces.append((word["data"] >> width * index & (1 << width) - 1, mark))
    return pieces


def ref_widen(count: int, pieces: list[tuple[int, int]]) -> list[tuple[list[int], int]]:
    beats, beat = [], []
    for data, mark in pieces:
        beat.append(data)
        if len(beat) == count or mark != EVENT:
            beats.append((beat, mark))
            beat = []
    return beats


def rtl_narrow(width: int, count: int, words: list[dict[str, int]], stall: Stall | None = None) -> Any:
    run = simulate(Narrow(width, count), {"words": words}, stall)
    return run, [(piece["data"], piece["mark"]) for piece in run.payloads("pieces")]


def rtl_widen(width: int, count: int, pieces: list[tuple[int, int]], stall: Stall | None = None) -> Any:
    given = [{"data": data, "mark": mark} for data, mark in pieces]
    run = simulate(Widen(width, count), {"pieces": given}, stall)
    return run, [(beat["data"], beat["mark"]) for beat in run.payloads("beats")]


@st.composite
def words(draw: st.DrawFn) -> tuple[int, int, list[dict[str, int]]]:
    width, count = draw(sizes)
    word = st.fixed_dictionaries(
        {"data": st.integers(0, (1 << width * count) - 1), "final": st.integers(0, count - 1), "mark": marks}
    )
    return width, count, draw(st.lists(word, max_size=10))


@st.composite
def pieces(draw: st.DrawFn) -> tuple[int, int, list[tuple[int, int]]]:
    width, count = draw(sizes)
    return width, count, draw(st.lists(st.tuples(st.integers(0, (1 << width) - 1), marks), max_size=25))


@examples(60)
@given(words(), stalls)
def test_a_word_is_cut_from_its_lowest_bits(config: tuple[int, int, list[dict[str, int]]], stall: Stall):
    width, count, given_words = config
    assert rtl_narrow(width, count, given_words, stall)[1] == ref_narrow(width, given_words)


@examples(60)
@given(pieces(), stalls)
def test_pieces_fill_a_beat_from_its_lowest_bits(config: tuple[int, int, list[tuple[int, int]]], stall: Stall):
    width, count, given_pieces = config
    beats = rtl_widen(width, count, given_pieces, stall)[1]
    expected = ref_widen(count, given_pieces)
    assert [mark for _, mark in beats] == [mark for _, mark in expected]
    for (data, _), (lanes, _) in zip(beats, expected, strict=True):
        assert [data >> width * index & (1 << width) - 1 for index in range(len(lanes))] == lanes


@pytest.mark.parametrize("count", [1, 2, 5])
def test_a_piece_a_cycle_leaves_and_enters(count: int):
    given_words = [{"data": index, "final": count - 1, "mark": EVENT} for index in range(6)]
    run, cut = rtl_narrow(8, count, given_words)
    assert run.taken("pieces") == list(range(1, 6 * count + 1))
    run, _ = rtl_widen(8, count, cut)
    assert run.taken("pieces") == list(range(6 * count))
    assert run.taken("beats") == [count * (index + 1) for index in range(6)]


@examples(40)
@given(st.lists(st.tuples(st.integers(0, 255), marks), max_size=25), stalls)
def test_a_register_both_ways_changes_nothing(items: list[tuple[int, int]], stall: Stall):
    given_items = [{"data": data, "mark": mark} for data, mark in items]
    assert simulate(Skid(marked_layout(8)), {"taken": given_items}, stall).payloads("given") == given_items


def test_a_register_both_ways_takes_one_a_cycle():
    run = simulate(Skid(marked_layout(8)), {"taken": [{"data": index, "mark": EVENT} for index in range(9)]})
    assert run.taken("taken") == list(range(9))
    assert run.taken("given") == list(range(1, 10))
