"""The engines: the same numbers in the same cycles, by whichever; and which one is taken."""

from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from snnhw.design import Design
from snnhw.errors import OutputError, ToolMissingError
from snnhw.simulate.amaranth import AmaranthSimulator
from snnhw.simulate.engines import engine
from snnhw.simulate.faults import faults_between
from snnhw.simulate.simulation import Mode, Simulation, SimulationError, Simulator, Stall, Waveform
from snnhw.simulate.verilator import VerilatorSimulator
from snnhw.verification import verify
from tests.circuits import CASES, emitted, implementation, model, samples
from tests.families import family

each_case = pytest.mark.parametrize("case", family(CASES, always=["events", "neuron_major"]))
STALLED = Stall(seed=5, source=100, sink=150)


def engines(case: str) -> tuple[Simulator, Simulator]:
    """Verilator's weights come from files, Amaranth's do not."""
    chosen = replace(VerilatorSimulator.of(Design(model(case), implementation(case, "readmemh"))), optimise=False)
    return chosen, AmaranthSimulator(Design(model(case), implementation(case)))


@pytest.mark.slow
@each_case
def test_both_engines_show_the_same_in_the_same_cycles(case: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.chdir(tmp_path)
    given = samples(case, 4)
    faults = faults_between(model(case).network, emitted(case).interface.sample, given, 3)
    for mode, between in (*((mode, ()) for mode in get_args(Mode)), ("stream", faults)):
        fast, slow = (simulator.run(given, mode=mode, faults=between) for simulator in engines(case))
        same(fast, slow)
        np.testing.assert_array_equal(fast.errors, slow.errors)
        assert len(fast.errors) == len(given) + len(between)
        np.testing.assert_array_equal(fast.finished - fast.started[0], slow.finished - slow.started[0])
        np.testing.assert_array_equal(fast.started - fast.started[0], slow.started - slow.started[0])


def same(one: Simulation, other: Simulation) -> None:
    """Results and records are equal, to the last bit."""
    np.testing.assert_array_equal(one.results, other.results)
    assert one.records.keys() == other.records.keys()
    for stage, records in one.records.items():
        np.testing.assert_array_equal(records, other.records[stage])


@pytest.mark.slow
@each_case
def test_every_number_is_goldens_and_every_count_of_cycles_predicted(case: str):
    simulator, _ = engines(case)
    report = verify(Design(model(case), implementation(case)), samples(case, 200), simulator=simulator)
    assert report.equal, report.divergence or report.problems
    assert report.timing_mismatches == 0
    assert report.recoveries == 22
    stalled = verify(Design(model(case), implementation(case)), samples(case, 200), simulator=simulator, stall=STALLED)
    assert stalled.equal, stalled.divergence or stalled.problems
    assert stalled.timing_mismatches is None


@pytest.mark.slow
@each_case
def test_an_isolated_sample_takes_as_long_as_one_that_is_the_only_one(case: str):
    simulator, _ = engines(case)
    given = samples(case, 10)
    alone = [int(simulator.run(sample[None]).latency[0]) for sample in given]
    assert simulator.run(given).latency.tolist() == alone


@pytest.mark.slow
@each_case
def test_amaranth_alone_is_equal_with_stalls(case: str):
    done: list[int] = []
    simulator = AmaranthSimulator(Design(model(case), implementation(case)))
    given = samples(case, 3)
    same(simulator.run(given), simulator.run(given, mode="stream", stall=STALLED, progress=done.append))
    assert done == [1, 2, 3]
    assert verify(Design(model(case), implementation(case)), given, engine="amaranth").equal


def test_amaranth_writes_a_waveform_and_records_nothing_unless_asked(tmp_path: Path):
    simulator = AmaranthSimulator(Design(model("direct"), implementation("direct")))
    simulation = simulator.run(samples("direct", 2), traces=False, waveform=Waveform(tmp_path / "wave.vcd"))
    assert simulation.records == {}
    assert "tap_integrated" in (tmp_path / "wave.vcd").read_text()
    assert [path.name for path in tmp_path.iterdir()] == ["wave.vcd"]


def test_amaranth_refuses_what_it_cannot_write_before_it_simulates(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    given, wanted = samples("direct", 2), tmp_path / "wave.fst"
    monkeypatch.setattr("snnhw.simulate.amaranth._Bench.run", lambda *_: pytest.fail("simulated"))
    with pytest.raises(OutputError, match=r"does not write \.fst: name a \.vcd file .* take --engine verilator"):
        AmaranthSimulator(Design(model("direct"), implementation("direct"))).run(given, waveform=Waveform(wanted))
    with pytest.raises(OutputError, match=r"in the place of 'wave\.fst'"):
        verify(Design(model("direct"), implementation("direct")), given, engine="amaranth", waveform=wanted)
    assert list(tmp_path.iterdir()) == []


def test_amaranth_finds_a_circuit_that_is_stuck(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("snnhw.simulate.amaranth.patience", lambda *_: 5)
    simulation = AmaranthSimulator(Design(model("direct"), implementation("direct"))).run(samples("direct", 1))
    with pytest.raises(SimulationError, match=r"^the circuit gave no result for sample 0 by cycle \d+, 5 cycles after"):
        simulation.require_complete()


@pytest.mark.parametrize("name", ["auto", "verilator"])
def test_verilator_is_taken_where_it_runs(name):
    choice = engine(name)
    assert (choice.engine.name, choice.note, choice.sample_limit) == ("verilator", None, None)


@pytest.mark.slow
def test_auto_says_so_where_it_falls_back_and_runs_fewer_samples(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    labels, rate = np.zeros(12, int), Design(model("rate"), implementation("rate"))
    report = verify(rate, samples("rate", 12), labels, modes=["stream"])
    assert report.equal
    assert (report.engine, report.images) == ("amaranth", 10)
    assert report.note is not None
    assert report.note.startswith("simulating with amaranth, at most 10 samples, because no C++ compiler was found")
    assert "\n" not in report.note


def test_an_engine_asked_for_by_name_must_be_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    with pytest.raises(ToolMissingError, match=r"no C\+\+ compiler was found"):
        verify(Design(model("rate"), implementation("rate")), samples("rate", 1), engine="verilator")
    assert engine("amaranth").engine.name == "amaranth"


def test_another_engine_is_refused():
    with pytest.raises(ValueError, match="one of auto, verilator, amaranth, not 'spice'"):
        engine("spice")  # type: ignore[arg-type]
