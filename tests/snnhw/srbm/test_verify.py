import re
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from golden.srbm import Srbm, Tick
from snnhw.data import load
from snnhw.simulate.simulation import Stall
from snnhw.srbm.grid import Grid
from snnhw.srbm.machine import Machine, Neuron, Periods, Phases, Synapse, Window
from snnhw.srbm.model import SrbmModel, initial_levels
from snnhw.srbm.simulate import SrbmSimulator
from snnhw.srbm.timing import Timing
from snnhw.srbm.verify import Plan, SrbmReport, verify_srbm
from tests.families import family

pytestmark = pytest.mark.slow

TOY = Machine(
    pixels=21,
    classes=3,
    labels_per_class=2,
    hidden=15,
    biases=2,
    phases=Phases(settle=2, data=10, transition=4, model=10),
    periods=Periods(pixel=4, label=5, bias=6),
    neuron=Neuron(refractory=3),
    window=Window(visible=3, hidden=2),
    inference_ticks=20,
    synapse=Synapse(refresh_rows=4),
)
PLAN = Plan(train=4, infer=3, regenerate=2, step=300)
LANES = 4


def simulator(machine: Machine, lanes: int = LANES) -> SrbmSimulator:
    return replace(SrbmSimulator.of(machine, lanes), optimise=False)


def model(machine: Machine = TOY) -> SrbmModel:
    draw = np.random.default_rng(1)
    weights = np.rint(draw.normal(0, 700, (machine.rows, machine.columns))).astype(int)
    return SrbmModel(machine, np.maximum(weights, 0), np.maximum(-weights, 0), walk=99, refresh=5)


def run(
    chosen: SrbmModel, circuit: SrbmSimulator, stall: Stall | None = None, plan: Plan = PLAN, images: int = 3
) -> SrbmReport:
    draw = np.random.default_rng(2)
    bits = draw.integers(0, 2, (images, chosen.machine.pixels)).astype(np.uint8)
    labels = draw.integers(0, chosen.machine.classes, images)
    return verify_srbm(chosen, bits, labels, plan, simulator=circuit, stall=stall)


@pytest.fixture(scope="module")
def circuit() -> SrbmSimulator:
    return simulator(TOY)


@pytest.mark.parametrize("stall", [None, Stall(seed=3, source=128, sink=128)], ids=["flowing", "stalling"])
def test_the_circuit_is_goldens_equal(circuit: SrbmSimulator, stall: Stall | None):
    report = run(model(), circuit, stall)
    assert report.equal
    ticks = 4 * TOY.phases.ticks + 5 * TOY.inference_ticks
    assert report.spikes == ticks * (TOY.rows + TOY.columns)
    assert report.membranes == ticks * (TOY.visible + TOY.hidden)
    assert report.levels == 5 * 2 * TOY.rows * TOY.columns
    assert (report.train_images, report.infer_images, report.regenerate_images) == (4, 3, 2)
    assert report.timing_mismatches == (None if stall else 0)


@pytest.mark.long
def test_two_hundred_images_of_a_reduced_machine():
    """MNIST at half its size, 64 hidden units: as many ticks as the machine that ships has, from weights at random."""
    machine, sample = Machine(pixels=196, hidden=64), load("sample", limit=200)
    halved = sample.images.reshape(200, 14, 2, 14, 2).mean(axis=(2, 4))
    bits = (halved.reshape(200, 196) > 0.3 * 255).astype(np.uint8)
    chosen = SrbmModel(machine, *initial_levels(machine, 58.0, seed=1))
    assert sample.labels is not None
    report = verify_srbm(chosen, bits, sample.labels, Plan(train=200, infer=20, regenerate=4), lanes=8)
    assert report.equal
    assert report.timing_mismatches == 0
    assert report.levels == 201 * 2 * machine.rows * machine.columns
    assert report.spikes == (200 * machine.phases.ticks + 24 * machine.inference_ticks) * (
        machine.rows + machine.columns
    )


@pytest.mark.long
def test_cycles_are_as_predicted_in_other_lanes():
    report = run(model(), simulator(TOY, 2))
    assert report.equal
    assert report.timing_mismatches == 0
    assert report.to_json()["train_cycles"]["min"] > 0


def test_banks_of_several_chunks_hold_the_same(circuit: SrbmSimulator):
    """As banks of big machines do; of this one 2 chunks of 64 synapses and one that is not full."""
    cut, count = re.subn(r"\.CHUNK\(\d+'\w+\)", ".CHUNK(6)", circuit.emitted.verilog)
    assert count == LANES
    assert 128 < Grid(TOY, LANES).bank_depth < 192
    report = run(model(), replace(circuit, emitted=replace(circuit.emitted, verilog=cut)))
    assert report.equal


def other(**fields: object) -> Machine:
    return Machine.model_validate({**TOY.model_dump(), **fields})


FAULTS: dict[str, Callable[[], Machine]] = {
    "a threshold of one more": lambda: other(neuron={**TOY.neuron.model_dump(), "threshold": 4098}),
    "a refresh that comes too late": lambda: other(synapse={"refresh_rows": 4, "refresh_level": 4095}),
    "an update a tick too late": lambda: other(window={"visible": 3, "hidden": 3}),
}


@pytest.mark.parametrize("name", family(FAULTS, always=["a threshold of one more"]))
def test_a_fault_in_the_circuit_is_found(name: str):
    report = run(model(), simulator(FAULTS[name]()), plan=Plan(12, 12, 0, step=300), images=12)
    assert report.mismatches > 0
    assert report.divergence is not None
    assert not report.equal


def test_a_bit_that_a_bank_loses_is_found(circuit: SrbmSimulator):
    sound = "levels[write_address[BITS-1:0]] <= coming;"
    assert sound in circuit.emitted.verilog
    broken = circuit.emitted.verilog.replace(sound, "levels[write_address[BITS-1:0]] <= coming & ~24'd64;")
    report = run(model(), replace(circuit, emitted=replace(circuit.emitted, verilog=broken)))
    assert report.mismatches > 0
    assert report.divergence.command == "load"
    assert report.divergence.field == "gp"


def test_the_first_difference_is_told(circuit: SrbmSimulator, monkeypatch: pytest.MonkeyPatch):
    whole = Srbm.train

    def forgetful(srbm, *arguments, **named):
        whole(srbm, *arguments, **named)
        srbm.array.gm[2, 1] += 1

    monkeypatch.setattr(Srbm, "train", forgetful)
    report = run(model(), circuit)
    assert str(report.divergence).startswith("train 0, gm (2, 1): golden ")


def test_a_spike_golden_misses_is_told_by_tick_and_unit(circuit: SrbmSimulator, monkeypatch: pytest.MonkeyPatch):
    whole = Srbm.infer

    def forgetful(srbm, bits, *, trace):
        ticks: list[Tick] = []
        outcome = whole(srbm, bits, trace=ticks.append)
        ticks[7] = replace(ticks[7], rows=ticks[7].rows ^ (np.arange(TOY.rows) == 4))
        for tick in ticks:
            trace(tick)
        return outcome

    monkeypatch.setattr(Srbm, "infer", forgetful)
    report = run(model(), circuit)
    assert report.mismatches == PLAN.infer
    assert str(report.divergence).startswith("infer 0, tick 7, rows 4: golden ")


def test_nothing_to_compare_is_refused(circuit: SrbmSimulator):
    with pytest.raises(ValueError, match="an image and a command at least"):
        run(model(), circuit, plan=Plan(0, 0, 0))


@pytest.mark.parametrize("labels", [np.array([0.0, 1.7]), np.array([0, TOY.classes]), np.array([0])])
def test_labels_of_another_kind_are_refused(labels: np.ndarray, circuit: SrbmSimulator):
    with pytest.raises(ValueError, match=r"^labels must (be integers \[2\]|lie in 0\.\.)"):
        verify_srbm(model(), np.zeros((2, TOY.pixels), np.uint8), labels, PLAN, simulator=circuit)


def test_a_load_takes_a_cycle_a_synapse(circuit: SrbmSimulator):
    chosen = model()
    with circuit.start() as running:
        done = running.load(chosen.gp, chosen.gm)
    assert done.cycles == Timing(Grid(TOY, LANES)).load()
