"""Terms chosen among multiples, shifted and added, are the products, as tables are; accumulators add as adders do."""

import itertools

import pytest
from amaranth.hdl import Const, Signal, signed, unsigned
from hypothesis import given
from hypothesis import strategies as st

from gateware.multiples import Term, accumulate, choose, multiples, product, terms
from gateware.stream import shape_of
from snnhw.network import Range
from tests.gateware.harness import evaluate, examples

BINARY, GRADED, WIDE = Range(lo=0, hi=1), Range(lo=0, hi=255), Range(lo=0, hi=300)


def check_products(weight, values, pairs):
    """Of each row of ``pairs``, a weight and a value for every event lane: the terms' sum, and their bounds."""
    lanes = len(pairs[0]) // 2
    weights = [Signal(weight, name=f"weight_{lane}") for lane in range(lanes)]
    numbers = [Signal(shape_of(values), name=f"value_{lane}") for lane in range(lanes)]
    parts = terms(weight, values, lanes)
    chosen = [choose(term, weights, multiples(numbers)) for term in parts]
    for row, found in zip(pairs, evaluate([*weights, *numbers], chosen, pairs), strict=True):
        given_weights, given_values = row[:lanes], row[lanes:]
        signed_parts = [
            (-part if term.negative else part) << term.shift for term, part in zip(parts, found, strict=True)
        ]
        assert sum(signed_parts) == sum(w * v for w, v in zip(given_weights, given_values, strict=True))
        for term, part in zip(parts, found, strict=True):
            most = term.most([[weight] for weight in given_weights], values)
            assert 0 <= part <= most
            assert part == most or set(given_values) != {values.hi}


def numbers_of(shape):
    low = -(1 << shape.width - 1) if shape.signed else 0
    return range(low, low + (1 << shape.width))


@pytest.mark.parametrize("values", [BINARY, GRADED], ids=["binary", "graded"])
@pytest.mark.parametrize("event_lanes", [1, 2])
@pytest.mark.parametrize("weight", [signed(1), unsigned(1), signed(2), unsigned(2), signed(3), unsigned(3)], ids=repr)
def test_every_weight_of_a_few_bits(weight, event_lanes, values):
    some = [value for value in (0, 1, 85, 254, 255) if value in values]
    rows: list[list[int]] = [[]]
    for choices in [numbers_of(weight)] * event_lanes + [some] * event_lanes:
        rows = [[*row, number] for row in rows for number in choices]
    check_products(weight, values, rows)


@st.composite
def products(draw):
    """A shape of weights, a range of values, and weights and values of each event lane, the extremes among them."""
    width = draw(st.integers(1, 16))
    weight, values = (
        draw(st.sampled_from([signed(width), unsigned(width)])),
        draw(st.sampled_from([BINARY, GRADED, WIDE])),
    )
    all_weights = numbers_of(weight)
    number = st.one_of(st.sampled_from([all_weights[0], all_weights[-1]]), st.integers(all_weights[0], all_weights[-1]))
    value = st.one_of(st.sampled_from([0, values.hi]), st.integers(0, values.hi))
    lanes = draw(st.sampled_from([1, 2]))
    return weight, values, draw(st.lists(st.tuples(*[number] * lanes, *[value] * lanes), min_size=1, max_size=20))


@examples(60)
@given(products())
def test_any_weight(drawn):
    check_products(*drawn)


@pytest.mark.parametrize(
    ("weight", "values", "event_lanes", "expected"),
    [
        (signed(4), GRADED, 1, [Term(((0, 0), (0, 1)), 0, False), Term(((0, 2),), 2, False), Term(((0, 3),), 3, True)]),
        (signed(4), BINARY, 1, [Term(((0, 0), (0, 1), (0, 2)), 0, False), Term(((0, 3),), 3, True)]),
        (unsigned(3), BINARY, 1, [Term(((0, 0), (0, 1), (0, 2)), 0, False)]),
        (unsigned(2), GRADED, 2, [Term(((0, 0), (1, 0)), 0, False), Term(((0, 1), (1, 1)), 1, False)]),
        (signed(1), BINARY, 2, [Term(((0, 0), (1, 0)), 0, True)]),
        (signed(1), GRADED, 1, [Term(((0, 0),), 0, True)]),
    ],
    ids=str,
)
def test_terms_by_hand(weight, values, event_lanes, expected):
    assert terms(weight, values, event_lanes) == expected


@pytest.mark.parametrize("event_lanes", [1, 2])
@pytest.mark.parametrize("width", range(1, 17))
def test_every_bit_of_a_weight_is_in_one_term(width, event_lanes):
    for weight in (signed(width), unsigned(width)):
        for values in (BINARY, GRADED):
            bits = [bit for term in terms(weight, values, event_lanes) for bit in term.bits]
            assert sorted(bits) == [(lane, place) for lane in range(event_lanes) for place in range(width)]


@examples(40)
@given(st.data())
def test_accumulating_is_adding(data):
    """The choice is never wider than the sum that it is a part of."""
    width = data.draw(st.integers(1, 20))
    narrow = data.draw(st.integers(1, width))
    total, choice = Signal(width), Signal(narrow)
    row = st.tuples(st.integers(0, (1 << width) - 1), st.integers(0, (1 << narrow) - 1))
    rows = data.draw(st.lists(row, min_size=1, max_size=20))
    added = accumulate(total, choice)
    assert len(added) == width
    expected = [[(one + other) % (1 << width)] for one, other in rows]
    assert evaluate([total, choice], [added], rows) == expected
    assert evaluate([total], [accumulate(total, Const(0, narrow))], [(one,) for one, _ in rows]) == [
        [one] for one, _ in rows
    ]


@pytest.mark.parametrize(
    "shapes", [(unsigned(4), unsigned(2)), (signed(4), unsigned(2)), (signed(3), signed(3)), (unsigned(1), signed(5))]
)
def test_products_of_few_bits_are_tables(shapes):
    """All pairs of numbers; and nothing is multiplied."""
    signals = [Signal(shape, name=f"factor_{place}") for place, shape in enumerate(shapes)]
    rows = list(itertools.product(*map(numbers_of, shapes)))
    made = product(*signals)
    assert made.shape() == (signals[0] * signals[1]).shape()
    assert [found for (found,) in evaluate(signals, [made], rows)] == [a * b for a, b in rows]
    assert "*" not in repr(made)
    wide = Signal(7 - len(signals[0]))
    assert "*" in repr(product(signals[0], wide))
