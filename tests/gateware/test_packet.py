"""Results as bytes read as the numbers that they were, by NumPy as by the description of their layout."""

import numpy as np
import pytest
from amaranth.hdl import Module, Signal
from amaranth.sim import Simulator
from hypothesis import given
from hypothesis import strategies as st

from gateware.packet import result_bits
from gateware.stream import result_layout
from snnhw.interface import Interface, PayloadField, StreamPort
from snnhw.network import Range
from snnhw.packets import unpack_results
from snnhw.shell import result_packet
from tests.gateware.harness import examples, pack


def interface(classes: int, scores: Range) -> Interface:
    """The streams of a circuit with such results."""
    layout = result_layout(classes, scores)
    chosen, rest = layout["class"], layout["scores"]
    fields = (
        PayloadField(name="class", offset=chosen.offset, width=chosen.width),
        PayloadField(name="scores", offset=rest.offset, width=scores.width, count=classes, signed=scores.signed),
    )
    sample = StreamPort(name="sample", direction="in", width=1, fields=())
    result = StreamPort(name="result", direction="out", width=layout.size, fields=fields)
    return Interface(top="snn", sample=sample, result=result, taps=())


def run_rtl(classes: int, scores: Range, chosen: int, values: list[int]) -> bytes:
    layout, described = result_layout(classes, scores), interface(classes, scores)
    payload, out = Signal(layout), Signal(8 * result_packet(described).size)
    m = Module()
    m.d.comb += out.eq(result_bits(payload, described))
    seen = []

    async def process(ctx):
        ctx.set(payload.as_value(), pack(layout, {"class": chosen, "scores": values}))
        seen.append(ctx.get(out))

    simulator = Simulator(m)
    simulator.add_testbench(process)
    simulator.run()
    return seen[0].to_bytes(result_packet(described).size, "little")


@st.composite
def results(draw: st.DrawFn) -> tuple[int, Range, int, list[int]]:
    classes = draw(st.sampled_from([2, 1, 3, 10, 300]))
    # Amaranth's simulator writes masks in decimal, and Python stops at 4,300 digits of them.
    wide = [33, 40] if classes < 300 else []
    bits, signed = draw(st.sampled_from([8, 1, 7, 9, 16, 17, *wide])), draw(st.booleans())
    scores = Range.of_bits(bits + signed, signed=signed)
    value = st.one_of(st.integers(scores.lo, scores.hi), st.sampled_from([scores.lo, scores.hi]))
    values = draw(st.lists(value, min_size=classes, max_size=classes))
    return classes, scores, draw(st.integers(0, classes - 1)), values


@pytest.mark.slow
@examples(40)
@given(results())
def test_bytes_are_the_numbers(config: tuple[int, Range, int, list[int]]):
    classes, scores, chosen, values = config
    found = unpack_results(interface(classes, scores), 2 * run_rtl(classes, scores, chosen, values))
    np.testing.assert_array_equal(found[0], [chosen] * 2)
    np.testing.assert_array_equal(found[1], [values] * 2)


@pytest.mark.parametrize(
    ("classes", "scores", "size"),
    [
        (10, Range(lo=-128, hi=127), 11),
        (10, Range(lo=0, hi=255), 11),
        (10, Range(lo=-1, hi=128), 21),
        (300, Range(lo=0, hi=9), 302),
        (2, Range(lo=0, hi=1 << 16), 9),
    ],
)
def test_a_number_takes_as_few_bytes_as_a_computer_has_numbers_of(classes: int, scores: Range, size: int):
    packet = result_packet(interface(classes, scores))
    assert packet.size == size
    assert packet.fields[0].offset == 0
    assert packet.fields[1].offset == packet.fields[0].width
