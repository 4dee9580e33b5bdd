"""Constants by their place: whatever the pattern of the values, what is found is the value."""

from amaranth.hdl import Signal, unsigned
from hypothesis import given
from hypothesis import strategies as st

from gateware.stream import lookup
from tests.gateware.harness import evaluate, examples


def found(values):
    """What is looked up at every place, and how."""
    width = max(1, (len(values) - 1).bit_length())
    index = Signal(width)
    value = lookup(index, values, unsigned(12))
    return [number for (number,) in evaluate([index], [value], [(place,) for place in range(len(values))])], value


@examples(60)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=9), st.integers(1, 20), st.integers(0, 16))
def test_every_value_is_found(first, count, step):
    """Rows of values, each greater by a step than the row before: a power of two or not, beyond the values or not."""
    values = [value + row * step for row in range(count) for value in first]
    assert found(values)[0] == values


def test_addresses_of_words_take_only_the_bits_of_a_position():
    """Words of 5 neurons of 40 channels, 64 addresses a position: the position stands above what 3 bits find."""
    values = [64 * position + 5 * group for position in range(49) for group in range(8)]
    numbers, value = found(values)
    assert numbers == values
    assert repr(value).count("case") == 8
    numbers, value = found([16 * place for place in range(20)])
    assert numbers == [16 * place for place in range(20)]
    assert "case" not in repr(value)
