"""Circuits between faults of their source: sound ones lose these alone, and every unsound one is found out."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from amaranth.hdl import Signal

from golden.network import Golden
from snnhw.design import Design
from snnhw.implementation import Implementation
from snnhw.model import Model
from snnhw.network import Bernoulli, CountReadout, Dense, Direct, Encoder, Events, Layer, Network, Neuron
from snnhw.recovery import Recovery, check_recovery
from snnhw.simulate.amaranth import AmaranthSimulator
from snnhw.simulate.simulation import Simulation, Stall
from snnhw.simulate.verilator import VerilatorSimulator
from snnhw.verification import verify
from tests import circuits, toy

GOLDEN, SAMPLES = Golden(toy.MODEL), toy.samples(20)
FAULTS = len(SAMPLES)
"""There are as many as samples."""


@dataclass
class Altered:
    """The circuit written by hand, what it showed changed on its way."""

    change: Callable[[Simulation], Simulation] = lambda simulation: simulation
    sample_port = toy.INTERFACE.sample

    def run(self, samples: np.ndarray, **options: Any) -> Simulation:
        return self.change(toy.simulator().run(samples, **options))


def check(change: Callable[[Simulation], Simulation], stall: Stall | None = None) -> Recovery:
    return check_recovery(Altered(change), GOLDEN, SAMPLES, stall=stall)


@pytest.mark.slow
@pytest.mark.parametrize("stall", [None, Stall(seed=1), Stall(seed=2, source=200, sink=250)])
def test_a_sound_circuit_loses_the_faults_and_only_those(stall: Stall | None):
    assert check(lambda simulation: simulation, stall) == Recovery(FAULTS, None, ())


@pytest.mark.slow
def test_samples_are_sent_again_where_they_are_few():
    assert check_recovery(Altered(), GOLDEN, SAMPLES[:1]) == Recovery(9, None, ())


@pytest.mark.slow
def test_a_wrong_number_is_told_with_the_fault_before_it():
    def change(simulation: Simulation) -> Simulation:
        results = simulation.results.copy()
        results[3] ^= np.uint32(4)
        return replace(simulation, results=results)

    found = check(change)
    score = int(GOLDEN.run(SAMPLES).scores[3, 0])
    problem = f"recovery: sample 3, stage readout, class 0, score: golden {score}, circuit {score ^ 1}"
    after = "after sample 2 and a whole sample and, 0.19 latencies later, a reset"
    assert found == Recovery(2, 3, (f"{problem}, {after}",))
    assert found.besides(np.arange(20) == 3) == ()
    assert found.besides(np.arange(20) != 3) == found.problems


@pytest.mark.slow
@pytest.mark.parametrize(
    ("entry", "flag", "sent"),
    [
        (0, 1, "sample 0"),
        (1, 1, "sample 0 and a whole sample and, 0.04 latencies later, a reset"),
        (29, 0, "sample 14 and a sample of 6 beats in the place of 3"),
        (30, 1, "sample 15"),
    ],
)
def test_the_error_flag_is_1_after_what_was_framed_wrongly_and_only_then(entry: int, flag: int, sent: str):
    def change(simulation: Simulation) -> Simulation:
        errors = simulation.errors.copy()
        assert errors[entry] != flag
        errors[entry] = flag
        return replace(simulation, errors=errors)

    assert check(change) == Recovery(FAULTS, None, (f"recovery: the error flag was {flag} after {sent}",))


@pytest.mark.slow
def test_surplus_results_and_a_circuit_that_stops_are_problems():
    surplus = check(lambda simulation: replace(simulation, extra_results=2))
    assert surplus.problems == ("recovery: the circuit gave 2 results that nobody asked for",)
    silent = toy.simulator(toy.VERILOG.replace("else if (finished) result__valid <= 1;", ""))
    (stuck, *_) = check_recovery(silent, GOLDEN, SAMPLES).problems
    assert stuck.startswith("recovery: the circuit gave no result for sample 0 by cycle")


# Faults in circuits

DIRECT, BUILT = circuits.model("direct"), circuits.implementation("direct")


def framing(old: str, new: str) -> VerilatorSimulator:
    """The circuit in whose framing something is put in the place of its first ``old``."""
    simulator = VerilatorSimulator.of(Design(DIRECT, BUILT))
    before, name, framing = simulator.verilog.partition("module \\snn.encoder.framing ")
    assert old in framing.partition("endmodule")[0]
    return replace(simulator, verilog=before + name + framing.replace(old, new, 1), optimise=False)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        # What comes after the end that was missing is not dropped, and looks like a sample.
        ("~ sample__payload[32]", "1'h0", "and a sample of 6 beats in the place of 3"),
        # An early end does not begin the count of beats anew.
        (r"\final  | sample__payload[32]", r"\final ", "and a sample of 1 beat in the place of 3"),
    ],
    ids=["the drop state", "the count"],
)
def test_framing_that_does_not_recover_is_found(old: str, new: str, fault: str):
    report = verify(Design(DIRECT, BUILT), circuits.samples("direct", 40), simulator=framing(old, new))
    assert (report.mismatches, report.timing_mismatches, report.equal) == (0, 0, False)
    assert report.problems[0].startswith("recovery: ")
    assert report.problems[0].endswith(fault)


@pytest.mark.slow
@pytest.mark.parametrize(
    "encoder", [Direct(bits=8), Bernoulli(seed=5), Events(bits=8)], ids=["direct", "rule", "events"]
)
@pytest.mark.parametrize("inputs", [1, 2, 3])
def test_the_smallest_circuits_recover(inputs: int, encoder: Encoder):
    """One neuron, two pixels a beat: the samples of all but the last have one beat."""
    layer = Layer(name="only", synapse=Dense(units=1, weight_bits=4), bias=False, neuron=Neuron(threshold=3))
    network = Network(input_shape=(inputs,), encoder=encoder, stages=(layer,), readout=CountReadout(), num_steps=2)
    model = Model(network, {"only.weight": np.full((1, inputs), 5)})
    simulator = AmaranthSimulator(Design(model, Implementation.of(network, pixels_per_beat=2)))
    shape = (4, *network.sample_shape)
    found = check_recovery(simulator, Golden(model), np.random.default_rng(1).integers(0, 256, shape, np.uint8))
    assert found.problems == ()


def unreset(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No register that a module makes by `Signal` is cleared by a reset."""

    def kept(make: Callable[..., Signal]) -> Callable[..., Signal]:
        return lambda *arguments, **options: make(*arguments, **{**options, "reset_less": True})

    signal = kept(Signal)
    signal.like = kept(Signal.like)  # type: ignore[attr-defined]
    monkeypatch.setattr(f"gateware.{module}.Signal", signal)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("module", "case"),
    [
        ("intake", "rate"),  # the count of beats, and the encoder's word and step
        ("encoder", "events"),  # the count of steps
        ("crossbar", "integrate_fire"),  # sums
        ("neuron", "bernoulli"),  # words and steps of a bank of membranes
    ],
)
def test_registers_that_a_reset_does_not_clear_are_found(module: str, case: str, monkeypatch: pytest.MonkeyPatch):
    golden, samples = Golden(circuits.model(case)), circuits.samples(case, 12)
    monkeypatch.setattr("snnhw.simulate.amaranth.patience", lambda *_: 500)
    unreset(module, monkeypatch)
    simulator = AmaranthSimulator(Design(circuits.model(case), circuits.implementation(case)))
    (problem, *_) = check_recovery(simulator, golden, samples).problems
    assert "and a reset" in problem or "later, a reset" in problem
