"""Pictures: they are drawn of a copy, show what they say, and come out the same twice."""

import numpy as np
import pytest

from golden.srbm import Srbm, Tick
from snnhw.errors import DescriptionError
from snnhw.srbm.machine import Machine
from snnhw.srbm.model import initial_levels
from snnhw.srbm.pictures import draw, membranes, raster, receptive_fields, reconstructions

MACHINE = Machine(pixels=36, labels_per_class=2, hidden=60, biases=2, inference_ticks=60)


@pytest.fixture
def srbm() -> Srbm:
    return Srbm(MACHINE, *initial_levels(MACHINE, 600.0, seed=1))


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(1).integers(0, 2, (3, MACHINE.pixels)).astype(np.uint8)


@pytest.mark.slow
def test_all_pictures_come_out_the_same_and_change_nothing(srbm, images, tmp_path):
    before = srbm.gp.copy(), srbm.gm.copy(), srbm.walk
    first = draw(srbm, images, np.array([1, 2, 3]), tmp_path / "a")
    assert {path.name for path in first} == {
        f"srbm-{name}.png" for name in ("regeneration", "receptive-fields", "raster", "membranes")
    }
    again = draw(srbm, images, np.array([1, 2, 3]), tmp_path / "b")
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in again]
    assert np.array_equal(srbm.gp, before[0]) and np.array_equal(srbm.gm, before[1]) and srbm.walk == before[2]


def tile(mosaic: np.ndarray, row: int, column: int) -> np.ndarray:
    return np.asarray(mosaic)[7 * row + 1 : 7 * row + 7, 7 * column + 1 : 7 * column + 7]


def test_reconstructions_show_image_what_is_known_and_what_is_made(srbm, images):
    shown = reconstructions(srbm, images).axes[0].images[0].get_array()
    original, masked, completed = (tile(shown, row, 1) for row in range(3))
    assert np.array_equal(original, images[1].reshape(6, 6))
    assert (masked[:, 3:] == 0.5).all() and np.array_equal(masked[:, :3], original[:, :3])
    assert np.array_equal(completed[:, :3], original[:, :3]) and set(np.unique(completed)) <= {0.0, 1.0}
    assert (tile(shown, 3, 1)[3:] == 0.5).all() and np.array_equal(tile(shown, 4, 1)[:3], original[:3])


def test_receptive_fields_are_weights_of_the_strongest_first(srbm):
    shown = receptive_fields(srbm).axes[0].images[0].get_array()
    weights = (srbm.gp - srbm.gm)[: MACHINE.pixels, : MACHINE.hidden]
    strongest = np.square(weights).sum(axis=0).argmax()
    assert np.array_equal(tile(shown, 0, 0), weights[:, strongest].reshape(6, 6))
    assert np.square(tile(shown, 0, 0)).sum() > np.square(tile(shown, 4, 9)).sum() > 0


def test_a_raster_has_every_spike(srbm, images):
    ticks: list[Tick] = []
    copy = Srbm(MACHINE, srbm.gp, srbm.gm)
    copy.train(images[0], 4, 1, trace=ticks.append)
    pixels, labels, hidden = (np.asarray(axes.collections[0].get_offsets()) for axes in raster(srbm, images[0], 4).axes)
    assert len(pixels) == sum(tick.rows[: MACHINE.pixels].sum() for tick in ticks) > 0
    assert len(labels) == sum(tick.rows[MACHINE.pixels : MACHINE.visible].sum() for tick in ticks) > 0
    assert len(hidden) == sum(tick.columns[: MACHINE.hidden].sum() for tick in ticks) > 0
    clamped = labels[labels[:, 0] < MACHINE.phases.settle + MACHINE.phases.data]
    assert set(clamped[:, 1].astype(int)) <= {8, 9}


def test_membranes_are_those_of_the_machine(srbm, images):
    ticks: list[Tick] = []
    Srbm(MACHINE, srbm.gp, srbm.gm).train(images[0], 4, 1, trace=ticks.append)
    axes = membranes(srbm, images[0], 4).axes
    unit = int(axes[0].get_ylabel().removeprefix("V of h"))
    assert np.asarray(axes[0].lines[0].get_ydata()).tolist() == [int(tick.hidden[unit]) for tick in ticks]
    assert len(np.unique(np.asarray(axes[-1].lines[0].get_ydata()))) > 20  # the noise alone walks


def test_pictures_need_a_square(images):
    machine = MACHINE.model_copy(update={"pixels": 35})
    srbm = Srbm(machine, *initial_levels(machine, 60.0, seed=1))
    with pytest.raises(DescriptionError, match="35 pixels are none"):
        receptive_fields(srbm)
