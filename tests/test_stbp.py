"""The command that takes the method of Wu et al. apart: its networks, and the tables of runs that are made up."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from benchmarks import stbp
from benchmarks.stbp_arms import EXPERIMENTS, SINGLE, VOTING, Experiment, Run, Tuned, network, run
from snnhw.data import Dataset, load
from snnhw.network import Bernoulli, Direct
from snnhw.presets import preset
from snnhw.recorded import record_run


@pytest.fixture(scope="module")
def images() -> Dataset:
    return load("sample", limit=64)


def weights(notation: str, population: int) -> int:
    layers = preset("mnist-stbp", notation=notation, population=population, neunorm="none").layers[-2:]
    return sum(layer.units * layer.inputs for layer in layers)


def test_voting_and_a_neuron_a_class_have_as_many_weights():
    assert weights(SINGLE, 1) == pytest.approx(weights(VOTING, 10), rel=0.001)


def test_each_experiment_changes_one_thing():
    usual = network(EXPERIMENTS["zero-none"])
    assert usual.num_steps == 4
    assert usual.encoder == Direct(bits=4)
    normalised = network(EXPERIMENTS["zero-per_channel"])
    assert [stage.synapse.kind for stage in normalised.stages[1:3]] == ["neunorm_conv2d"] * 2
    assert {stage.neuron and stage.neuron.reset for stage in network(EXPERIMENTS["subtract-none"]).stages} == {
        "subtract"
    }
    assert network(EXPERIMENTS["window-8-bernoulli-voting"]).encoder == Bernoulli()
    assert network(EXPERIMENTS["low-none"]) == usual
    assert EXPERIMENTS["low-none"].too_low == 3


def test_a_run_is_kept_and_not_trained_again(images, tmp_path, monkeypatch):
    small = Experiment("tiny", "tiny", {"notation": "2C5s2-20FC-Voting", "neunorm": "none", "num_steps": 2}, epochs=1)
    told: list[str] = []
    found = run(Tuned(small, 0.005, 1), (images, images), tmp_path, told.append)
    assert sum(map(sum, found.confusion)) == found.images == 64
    assert sum(found.confusion[label][label] for label in range(10)) == found.correct
    assert set(found.rates) == {"conv1", "hidden", "output"}
    assert len(told) == 1
    monkeypatch.setattr("benchmarks.stbp_arms.train", None)
    assert run(Tuned(small, 0.005, 1), (images, images), tmp_path, told.append) == found


def made_up(experiment: Experiment, seed: int) -> Run:
    gain = 40 * ("none" not in experiment.name) + seed
    confusion = [[900 * (label == chosen) for chosen in range(10)] for label in range(10)]
    confusion[3][5] = 1000 - gain
    return Run(
        experiment=experiment.name,
        seed=seed,
        epochs=experiment.epochs,
        learning_rate=experiment.rate or 0.01,
        validation=90,
        correct=9000 + gain,
        images=10_000,
        confusion=confusion,
        rates={"conv1": 0.1, "output": 0.25},
        cpu_seconds=12.5,
    )


def test_tables_of_recorded_runs(tmp_path, monkeypatch, capsys):
    page = tmp_path / "page.md"
    page.write_text(f"before\n\n{stbp.BEGIN}\n{stbp.END}\n\nafter\n")
    for experiment in EXPERIMENTS.values():
        for seed in experiment.seeds:
            record_run(made_up(experiment, seed), tmp_path / stbp.RECORD, EXPERIMENTS)
    monkeypatch.setattr(sys, "argv", ["stbp", "--read", "--write", str(page)])
    stbp.main()
    text = page.read_text()
    assert capsys.readouterr().out.strip() in text
    assert "| zero | 90.02 (90.01, 90.02, 90.03) | 90.42 (90.41, 90.42, 90.43) | +0.40 (+0.40, +0.40, +0.40) |" in text
    assert "| rank one | 90.41 | 12.5 |" in text
    assert "| Bernoulli input, 1 neuron a class | 90.41 | 90.41 | 90.41 | 90.41 |" in text
    assert "| 3 times too low | 90.01 | 90.41 |" in text
    assert text.startswith("before")
    assert (tmp_path / stbp.CONFUSION).read_text().startswith("<?xml")


def test_the_rate_that_validates_best_is_taken(tmp_path: Path, monkeypatch):
    tried = {0.0025: 7, 0.005: 9, 0.01: 8}
    monkeypatch.setattr(
        stbp,
        "run",
        lambda tuned, *_: made_up(tuned.experiment, 1).model_copy(update={"validation": tried[tuned.rate]}),
    )
    nothing = (load("sample", limit=2),) * 2
    assert stbp.rate_of(EXPERIMENTS["zero-none"], nothing, tmp_path) == 0.005
    assert stbp.rate_of(EXPERIMENTS["zero-full"], nothing, tmp_path) == 0.005
    assert stbp.rate_of(EXPERIMENTS["low-none"], nothing, tmp_path) == EXPERIMENTS["low-none"].rate
