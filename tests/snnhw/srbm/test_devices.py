"""Imperfect devices: perfect ones change nothing, and each imperfection does what it says."""

import numpy as np
import pytest

from golden.srbm import Srbm
from snnhw.srbm.devices import Devices, Imperfections
from snnhw.srbm.machine import Machine, Synapse
from snnhw.srbm.model import initial_levels

MACHINE = Machine(pixels=30, labels_per_class=1, biases=2, hidden=18, synapse=Synapse(refresh_rows=3, refresh_level=60))
SHAPE = (MACHINE.rows, MACHINE.columns)


def devices(**wrong: float) -> Devices:
    return Devices(MACHINE, Imperfections(**wrong), seed=1)  # type: ignore[arg-type]


def pair(gp: int, gm: int) -> np.ndarray:
    return np.stack([np.full(SHAPE, gp, np.int32), np.full(SHAPE, gm, np.int32)])


def test_perfect_devices_learn_as_the_machine_does():
    gp, gm = initial_levels(MACHINE, 40.0, seed=2)
    through, perfect = devices(), Srbm(MACHINE, gp, gm)
    alone = MACHINE.model_copy(update={"synapse": MACHINE.synapse.model_copy(update={"refresh_rows": 0})})
    levels, walk = through.begin(np.stack([gp, gm])), MACHINE.seed
    generator = np.random.default_rng(3)
    for image in range(12):
        bits = generator.integers(0, 2, MACHINE.pixels)
        learner = Srbm(alone, *levels, walk=walk)
        learner.train(bits, image % 10, 4)
        walk, levels = learner.walk, through.write(levels, np.stack([learner.gp, learner.gm]).astype(np.int32), 4)
        perfect.train(bits, image % 10, 4)
        assert np.array_equal(levels, (perfect.gp, perfect.gm))
    assert through.set_pulses > 0 and through.reset_pulses > 0


def test_pulses_are_counted():
    counter = devices()
    before = pair(10, 10)
    after = before.copy()
    after[0][5, 5] += 12
    after[1][6, 6] += 3
    counter.write(before, after, 4)
    assert (counter.set_pulses, counter.reset_pulses) == (3 + 1, 0)
    counter.write(pair(70, 62), pair(70, 62), 4)  # three rows are refreshed: two RESETs and two SETs to 8 each
    pairs = 3 * MACHINE.columns
    assert (counter.set_pulses, counter.reset_pulses) == (4 + 2 * pairs, 2 * pairs)


def test_write_noise_and_variability_keep_the_mean():
    before, after = pair(0, 0), pair(40, 0)
    for wrong, deviation in (({"write_noise": 1.0}, 4 * 10**0.5), ({"variability": 0.3}, 0.3 * 40)):
        written = devices(**wrong).write(before, after, 4)[0][4:]
        assert abs(written.mean() - 40) < 4 * deviation / written.size**0.5 + 0.5
        assert abs(written.std() / deviation - 1) < 0.15
        assert np.ptp(written) > 10


def test_stuck_devices_stay():
    held = devices(stuck=0.2, stuck_level=33)
    levels = held.begin(pair(0, 0))
    stuck = levels == 33
    assert abs(stuck.mean() - 0.2) < 0.05
    written = held.write(levels, np.maximum(levels, 9), 1)
    assert np.array_equal(written == 33, stuck) and set(written[~stuck].tolist()) <= {9}
    assert np.array_equal(held.aged(written) == 33, stuck)


def test_drift_is_a_power_of_time():
    aged = devices(drift=0.05, decades=4.0).aged(pair(1000, 100))
    assert set(aged[0].reshape(-1).tolist()) == {round(1000 * 10**-0.2)}
    assert set(aged[1].reshape(-1).tolist()) == {round(100 * 10**-0.2)}
    spread = devices(drift=0.05, drift_spread=0.02, decades=4.0).aged(pair(1000, 100))[0]
    assert spread.std() > 50


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match="0 or more"):
        Imperfections(write_noise=-1)
    with pytest.raises(ValueError, match="at most 1, not 2"):
        Imperfections(stuck=2)
    gradual = MACHINE.model_copy(update={"synapse": Synapse(update="gradual", refresh_rows=0)})
    with pytest.raises(ValueError, match="updated by SET, not of 6T2R, gradual"):
        Devices(gradual, Imperfections(), seed=1)
