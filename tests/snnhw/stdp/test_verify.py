import re
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from golden.stdp import Stdp
from snnhw.data import load
from snnhw.simulate.simulation import Stall
from snnhw.stdp import timing
from snnhw.stdp.grid import StdpGrid
from snnhw.stdp.learner import Learner
from snnhw.stdp.simulate import StdpSimulator
from snnhw.stdp.verify import Plan, StdpReport, verify_stdp
from tests.families import family

pytestmark = pytest.mark.slow

PLAN = Plan(train=6, teach=6, infer=4, readout=12, amplitude=64)
TOY = Learner.usual(10, 4, pixels=21, classes=3, spikes=3, margin=1)
LANES = 4


@cache
def simulator(learner: Learner = TOY, lanes: int = LANES) -> StdpSimulator:
    return replace(StdpSimulator.of(learner, lanes), optimise=False)


def begun(learner: Learner) -> Stdp:
    """A learner some of whose neurons fire early, some late, and some only if they have to."""
    draw, golden = np.random.default_rng(1), Stdp(learner)
    golden.threshold = draw.integers(0, 10 * learner.pixels * learner.weight.hi, learner.neurons)
    golden.assigned = draw.integers(0, learner.classes, learner.neurons)
    span = learner.readout
    golden.readout = draw.integers(span.lo, span.hi + 1, (learner.neurons, learner.classes))
    return golden


def run(
    learner: Learner = TOY,
    circuit: StdpSimulator | None = None,
    stall: Stall | None = None,
    plan: Plan = PLAN,
    golden: Stdp | None = None,
) -> StdpReport:
    draw = np.random.default_rng(2)
    images = (draw.integers(0, 256, (6, learner.pixels)) * (draw.random((6, learner.pixels)) < 0.6)).astype(np.uint8)
    images[4] = 0
    labels = draw.integers(0, learner.classes, 6)
    return verify_stdp(
        golden or begun(learner), images, labels, plan, simulator=circuit or simulator(learner), stall=stall
    )


@pytest.mark.parametrize("stall", [None, Stall(seed=3, source=128, sink=128)], ids=["flowing", "stalling"])
def test_the_circuit_is_goldens_equal(stall: Stall | None):
    report = run(stall=stall)
    assert report.equal, report.divergence
    assert report.timing_mismatches == (None if stall else 0)
    assert (report.train_images, report.teach_images, report.infer_images, report.readout_images) == (6, 6, 4, 12)
    assert report.weights == 25 * TOY.pixels * TOY.neurons
    assert report.neurons == 25 * TOY.neurons * (2 + TOY.classes)
    assert report.spikes > 40


def test_what_is_kept_is_compared_as_often_as_asked_and_at_the_end():
    report = run(plan=replace(PLAN, dump_every=4))
    assert report.equal, report.divergence
    dumps = 1 + 2 + 2 + 3
    assert report.weights == dumps * TOY.pixels * TOY.neurons


def learner(neurons: int, bits: int, **fields: Any) -> Learner:
    return Learner.usual(neurons, bits, **fields)


VARIANTS: dict[str, tuple[Learner, int]] = {
    "one of everything": (learner(1, 8, pixels=1, classes=1, spikes=1, num_steps=1), 1),
    "one of everything in lanes": (learner(1, 8, pixels=1, classes=1, spikes=1, num_steps=1), 4),
    "nobody has to fire, bounds are hard": (
        learner(9, 8, pixels=33, classes=5, spikes=9, forced=False, bounds="hard", num_steps=5, leakage=300),
        8,
    ),
    "rectangular windows": (
        learner(
            7,
            6,
            pixels=17,
            classes=2,
            spikes=2,
            window={"shape": "rectangular", "a_plus": 2, "a_minus": 1, "tau_plus": 2, "tau_minus": 3},
        ),
        4,
    ),
    "the plain pair rule": (learner(10, 4, pixels=21, classes=3, spikes=3, window={"silent": 0}), 2),
    "thresholds that saturate": (
        learner(6, 2, pixels=40, classes=4, spikes=4, num_steps=64, margin=4096, fall=4096, nudge=65536),
        2,
    ),
    "a factor of 0, one of 2, and windows at their ends": (
        learner(
            6,
            3,
            pixels=40,
            classes=4,
            spikes=4,
            num_steps=16,
            window={"silent": 2, "a_plus": 0, "a_minus": 2, "tau_plus": 1, "tau_minus": 64},
        ),
        2,
    ),
    "more lanes than neurons": (learner(10, 4, pixels=21, classes=3, spikes=3), 16),
    "a single lane": (learner(10, 4, pixels=21, classes=3, spikes=3), 1),
}


@pytest.mark.parametrize("name", family(VARIANTS, always=["one of everything", "nobody has to fire, bounds are hard"]))
def test_learns_as_golden_whatever_the_learner(name: str):
    chosen, lanes = VARIANTS[name]
    report = run(chosen, simulator(chosen, lanes))
    assert report.equal, report.divergence
    assert report.timing_mismatches == 0


@pytest.mark.long
def test_digits_are_learned_as_golden_by_a_hundred_neurons():
    sample, chosen = load("sample", limit=60), Learner.usual(100, 4)
    golden = Stdp(chosen)
    golden.assigned = np.arange(100) % 10
    images = sample.images.reshape(60, -1)
    assert sample.labels is not None
    plan = Plan(train=60, teach=20, infer=20, readout=20)
    report = verify_stdp(golden, images, sample.labels, plan, lanes=16)
    assert report.equal, report.divergence
    assert report.timing_mismatches == 0
    assert report.train_cycles is not None
    assert report.train_floor is not None
    assert report.train_cycles.mean < 1.6 * report.train_floor.mean


FAULTS: dict[str, dict[str, Any]] = {
    "a leakage of one less": {"leakage": TOY.leakage - 1},
    "a window that is too high": {"window": {"a_plus": 2}},
    "a silent pixel that changes nothing": {"window": {"silent": 0}},
    "bounds of another kind": {"bounds": "hard"},
    "a nudge of one more": {"nudge": TOY.nudge + 1},
    "a margin that is too large": {"margin": 4096},
    "a threshold that falls too fast": {"fall": TOY.fall + 1},
    "nobody has to fire": {"forced": False},
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_difference_between_circuit_and_golden_is_found(name: str):
    wrong = Learner.model_validate({**TOY.model_dump(), **FAULTS[name]})
    report = run(golden=begun(wrong))
    assert report.mismatches > 0
    assert report.divergence is not None
    assert not report.equal


@pytest.mark.parametrize("lanes", [1, 4])
def test_weights_in_single_port_ram_learn_alike_and_as_fast(lanes: int):
    report = run(circuit=replace(StdpSimulator.of(TOY, lanes, "spram"), optimise=False))
    assert report.equal, report.divergence
    assert report.timing_mismatches == 0


@pytest.mark.parametrize(
    ("learner", "lanes"), [(Learner.usual(50, 8), 1), (Learner.usual(400, 4), 1)], ids=["bits", "depth"]
)
def test_weights_that_have_no_room_in_single_port_ram_are_refused(learner: Learner, lanes: int):
    with pytest.raises(ValueError, match="weights in spram have at most 4 bits and 65536 places in half a bank"):
        StdpGrid(learner, lanes, "spram")


def test_a_bit_that_a_bank_loses_is_found():
    sound, circuit = "levels[write_address[BITS-1:0]] <= coming;", simulator()
    assert sound in circuit.emitted.verilog
    broken = circuit.emitted.verilog.replace(sound, "levels[write_address[BITS-1:0]] <= coming & 4'b1011;")
    report = run(circuit=replace(circuit, emitted=replace(circuit.emitted, verilog=broken)))
    assert report.mismatches > 0
    assert str(report.divergence).startswith("load, weight (")


def test_cycles_that_are_not_as_predicted_are_counted(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(timing, "_ADDED", timing._ADDED + 1)
    report = run()
    assert report.equal
    assert report.timing_mismatches == PLAN.commands


def test_the_first_difference_is_told(monkeypatch: pytest.MonkeyPatch):
    whole = Stdp._integrate

    def heavier(stdp, membrane, fires, trace):
        membrane = membrane.copy()
        membrane[3] += 1
        return whole(stdp, membrane, fires, trace)

    monkeypatch.setattr(Stdp, "_integrate", heavier)
    report = run()
    assert re.match(r"train 0, step 0, membrane 3: golden \d+, circuit \d+$", str(report.divergence))


def test_a_circuit_that_shows_nothing_for_long_is_told(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(StdpSimulator, "patience", 12)
    report = run()
    assert report.problems[0].startswith("train 0: the circuit got stuck in TRAIN by cycle ")
    assert not report.equal


def test_nothing_to_do_is_refused():
    with pytest.raises(ValueError, match="needs an image and a command at least"):
        run(plan=Plan(0, 0, 0, 0))


def test_what_the_stream_cannot_hold_is_refused():
    with simulator().start() as circuit, pytest.raises(ValueError, match=r"field 'weight' .* must lie in 0\.\.15"):
        circuit.load_weights(np.full((TOY.pixels, TOY.neurons), 16), 1)
