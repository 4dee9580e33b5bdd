# amaranth: UnusedElaboratable=no
# ruff: noqa: ERA001
"""Streams as one row of bytes, and back, against what the host packs."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateware.beats import BeatReader, BeatWriter
from snnhw.interface import PayloadField, StreamPort
from snnhw.payloads import pack_beats, under_heads, unpack_beats
from tests.gateware.harness import Stall, examples, simulate, stalls


def port(name: str, width: int, direction: str = "in") -> StreamPort:
    parts = (PayloadField(name="low", offset=0, width=1), PayloadField(name="rest", offset=1, width=width - 1))
    whole = (PayloadField(name="low", offset=0, width=1),)
    return StreamPort(name=name, direction=direction, width=width, fields=parts if width > 1 else whole)


WIDTHS = [(1,), (8, 1, 40), (9, 33), (16, 2, 3, 70)]


@examples(12)
@given(
    widths=st.sampled_from(WIDTHS),
    runs=st.lists(st.tuples(st.integers(0, 3), st.integers(1, 4)), max_size=5),
    stall=stalls,
    seed=st.integers(0, 99),
)
def test_bytes_become_beats_of_the_streams_that_are_named(
    widths: tuple[int, ...], runs: list[tuple[int, int]], stall: Stall, seed: int
):
    ports = [port(f"s{number}", width) for number, width in enumerate(widths)]
    draw, octets = np.random.default_rng(seed), b""
    expected: dict[str, list[int]] = {each.name: [] for each in ports}
    for number, count in runs:
        each = ports[number % len(ports)]
        values = [int.from_bytes(draw.bytes(9), "little") % (1 << each.width) for _ in range(count)]
        expected[each.name] += values
        size = -(-each.width // 8)
        octets += under_heads(number % len(ports), each, b"".join(value.to_bytes(size, "little") for value in values))
    run = simulate(BeatReader(ports), {"bytes": list(octets)}, stall)
    assert {name: run.payloads(name) for name in expected} == expected


def test_a_stream_that_is_not_there_is_passed_over():
    run = simulate(BeatReader([port("only", 8)]), {"bytes": [7, 1, 0, 0, 0x55]})
    assert run.payloads("only") == [0x55]


def test_a_head_counts_256_beats_at_most():
    octets = under_heads(0, port("only", 8), bytes(300))
    assert (octets[:2], octets[258:260], len(octets)) == (b"\x00\xff", b"\x00\x2b", 304)
    assert len(simulate(BeatReader([port("only", 8)]), {"bytes": list(octets)}).payloads("only")) == 300


@examples(12)
@given(
    widths=st.sampled_from(WIDTHS),
    counts=st.lists(st.integers(0, 4), min_size=4, max_size=4),
    stall=stalls,
    seed=st.integers(0, 99),
)
def test_beats_become_bytes(widths: tuple[int, ...], counts: list[int], stall: Stall, seed: int):
    ports = [port(f"s{number}", width, "out") for number, width in enumerate(widths)]
    draw = np.random.default_rng(seed)
    given_in = {
        each.name: [int.from_bytes(draw.bytes(9), "little") % (1 << each.width) for _ in range(count)]
        for each, count in zip(ports, counts, strict=False)
    }
    octets = bytes(simulate(BeatWriter(ports), given_in, stall).payloads("bytes"))
    found: dict[str, list[int]] = {each.name: [] for each in ports}
    while octets:
        each = ports[octets[0]]
        size = -(-each.width // 8)
        found[each.name].append(int.from_bytes(octets[1 : 1 + size], "little"))
        octets = octets[1 + size :]
    assert found == given_in


@pytest.mark.parametrize("width", [2, 9, 32, 33, 60])
def test_what_is_packed_is_unpacked(width: int):
    each, draw = port("only", width), np.random.default_rng(width)
    fields = {"low": draw.integers(0, 2, 7), "rest": draw.integers(0, 1 << (width - 1), 7)}
    beats = pack_beats(each, fields)
    assert len(beats) == 7 * -(-width // 8)
    assert {name: values[:, 0].tolist() for name, values in unpack_beats(each, beats).items()} == {
        name: values.tolist() for name, values in fields.items()
    }
    if width > 8:
        with pytest.raises(ValueError, match="are no whole number"):
            unpack_beats(each, beats[:-1])
