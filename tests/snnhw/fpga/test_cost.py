"""What an image costs a circuit, by what its layers read and add."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from golden.network import run
from snnhw.design import Design
from snnhw.fpga.cost import work
from tests.convolutions import conv, model, network

MODEL = model(network(conv(3, 3, stride=2, padding=1), (2, 5, 6)), seed=1)
"""3 x 3 positions of 3 channels, of which an event reaches 2 x 2; then two neurons."""

SAMPLES = np.random.default_rng(0).integers(0, 2, (4, *MODEL.network.sample_shape), np.uint8)


def counted(**choices: Any) -> tuple[float, float, float, float]:
    """Operations and bits read, and of the mean sample the events into each layer."""
    given: dict[str, Any] = {name: {"first": value} for name, value in choices.items()}
    result = run(MODEL, SAMPLES, traces=True)
    found = work(Design.of(MODEL, **given), result)
    pixels, spikes = (float(result.events[source].sum()) / len(SAMPLES) for source in ("encoder", "first"))
    return found.synaptic_operations, found.weight_bits_read, pixels, spikes


ROWS, COLUMNS = np.array([1, 2, 1, 2, 1]), np.array([1, 2, 1, 2, 1, 1])
"""From as many rows or columns an event of that row or column is seen."""


def of_mean(numbers: NDArray[np.int64]) -> float:
    """The sum of what each event of the mean sample comes to, by row and column."""
    return float((SAMPLES * numbers).sum()) / len(SAMPLES)


@pytest.mark.parametrize(
    ("position_lanes", "positions"), [(4, np.full((5, 6), 4)), (2, 2 * ROWS[:, None]), (1, np.outer(ROWS, COLUMNS))]
)
def test_an_event_reads_the_weights_of_all_positions_that_its_words_hold(
    position_lanes: int, positions: NDArray[np.int64]
):
    operations, bits, _, spikes = counted(position_lanes=position_lanes)
    assert operations == pytest.approx(of_mean(3 * np.outer(ROWS, COLUMNS)) + spikes * 2)
    assert bits == pytest.approx(of_mean(positions * 3 * 4) + spikes * 2 * 2)


def test_windows_add_all_that_they_hold_and_read_nothing():
    """In each of two steps 3 x 3 windows of 2 x 3 x 3 inputs, of 3 channels."""
    operations, bits, _, spikes = counted(visits="windows")
    assert operations == 2 * 27 * 18 + spikes * 2
    assert bits == spikes * 2 * 2
