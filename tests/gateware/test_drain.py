"""Parts of a current add up, whatever their widths, signs and distances."""

from amaranth.hdl import Const, Module, Shape, Signal
from amaranth.sim import Simulator
from hypothesis import given
from hypothesis import strategies as st

from gateware.drain import Part, add
from tests.gateware.harness import examples

WIDE = Shape(40, True)


@st.composite
def parts(draw):
    """A constant as a part, and the number that it stands for."""
    width, signed = draw(st.integers(1, 7)), draw(st.booleans())
    bound = 1 << (width - signed)
    value = draw(st.integers(-bound if signed else 0, bound - 1))
    shift, negative = draw(st.integers(0, 9)), draw(st.booleans())
    number = -value if negative else value
    return Part(Const(value, Shape(width, signed)), shift, negative), number << shift


def values_of(expressions):
    m = Module()
    outputs = [Signal(WIDE, name=f"output_{index}") for index in range(len(expressions))]
    m.d.comb += [output.eq(expression) for output, expression in zip(outputs, expressions, strict=True)]
    found: list[int] = []

    async def read(ctx):
        found.extend(ctx.get(output) for output in outputs)

    simulator = Simulator(m)
    simulator.add_testbench(read)
    simulator.run()
    return found


@examples(40)
@given(st.lists(st.tuples(parts(), parts()), min_size=1, max_size=12))
def test_two_parts_add_up(pairs):
    sums = [add(one, other) for (one, _), (other, _) in pairs]
    values = values_of([total.value for total in sums])
    numbers = [(-value if total.negative else value) << total.shift for value, total in zip(values, sums, strict=True)]
    assert numbers == [one + other for (_, one), (_, other) in pairs]


def test_a_part_alone_stays_as_it_is():
    part = Part(Const(5), 3, True)
    assert add(part) is part


def test_a_part_that_ends_below_the_other_keeps_its_distance():
    total = add(Part(Const(1, 1), 0, False), Part(Const(1, 1), 3, True))
    assert values_of([total.value]) == [1 - 8]
