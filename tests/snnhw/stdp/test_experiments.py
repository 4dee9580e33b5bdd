"""Experiments: all of them can be built, runs can be told again, and pages and pictures are made of what was found."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from golden.stdp import Stdp
from snnhw.cli.app import run as run_command
from snnhw.data import load
from snnhw.errors import DescriptionError
from snnhw.stdp.experiments import EXPERIMENTS, GROUPS, Experiment, find_experiment
from snnhw.stdp.learner import Learner
from snnhw.stdp.pictures import measured_changes
from snnhw.stdp.results import BEGIN, END, Runs, page, plot, record
from snnhw.stdp.results import load as load_runs
from snnhw.stdp.runs import Run, run
from snnhw.stdp.several import SeveralStdp

pytest.importorskip("numba")

SMALL = Experiment("small", "rule", "a small one", neurons=30, amplitudes=(32, 8), presentations=1500)


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_experiment_describes_a_training(name: str):
    experiment = find_experiment(name)
    assert experiment.group in GROUPS and experiment.name == name
    preset = experiment.preset(2)
    assert preset.learner.neurons == experiment.neurons and preset.seed == 2
    assert sum(block.presentations for block in preset.learning) == experiment.presentations


def test_the_students_rule_is_the_pair_rule_alone():
    student, mended = (find_experiment(name).described() for name in ("student", "mended"))
    assert (student.window.silent, student.forced, student.fall) == (0, False, 0)
    assert mended == Learner.usual(50)


def test_an_experiment_learns_and_can_be_told_again():
    sample = load("sample")
    first, again, other = (run(SMALL, sample, None, seed=seed) for seed in (4, 4, 5))
    assert first.images == 250 and first.assigned_correct > 100  # chance is 25
    assert first.curve[-1][0] == 1500 and first.test_images is None
    assert first.model_copy(update={"seconds": 0.0}) == again.model_copy(update={"seconds": 0.0})
    assert first.curve != other.curve


def test_the_test_set_is_looked_at_for_headlines_alone():
    sample = load("sample")
    brief = replace(SMALL, presentations=20)
    assert run(brief, sample, sample).test_images is None
    assert run(replace(brief, headline=True), sample, sample).test_images == 1000


def test_images_in_which_nothing_fires_are_counted():
    unforced = replace(SMALL, learner={"forced": False, "threshold": 100_000}, presentations=200)
    made = run(unforced, load("sample"), None)
    assert (made.mute, made.step) == (200, None)


def made(experiment: str, seed: int, correct: int, **known: Any) -> Run:
    fields: dict[str, Any] = {
        "experiment": experiment,
        "seed": seed,
        "learner": {},
        "amplitudes": [4],
        "presentations": 1000,
        "images": 1000,
        "assigned_correct": correct,
        "readout_correct": correct + 20,
        "curve": [(500, 0.5), (1000, correct / 1000)],
    }
    return Run.model_validate({**fields, **known})


def test_runs_are_recorded_in_order_and_once(tmp_path: Path):
    path = tmp_path / "runs.json"
    for name, seed, correct in (("hard", 1, 700), ("base", 2, 800), ("base", 1, 100), ("base", 1, 900)):
        record(made(name, seed, correct), path)
    assert [(kept.experiment, kept.seed, kept.assigned_correct) for kept in load_runs(path).runs] == [
        ("base", 1, 900),
        ("base", 2, 800),
        ("hard", 1, 700),
    ]
    path.write_text('{"runs": [{"experiment": "base"}]}')
    with pytest.raises(DescriptionError, match="seed"):
        load_runs(path)


def test_a_page_says_spread_test_set_and_mute_images():
    tested = {"test_images": 10_000, "test_assigned_correct": 8_400, "test_readout_correct": 8_800}
    runs = [
        made("base", 1, 900),
        made("base", 2, 910),
        made("unforced", 1, 800, mute=120),
        made("100-4bit-180k", 1, 905, **tested),
    ]
    text = page(Runs(runs=runs))
    assert "| the base | 1,000 | 90.50 (90.00 to 91.00) | 92.50 (92.00 to 93.00) | 2 | 0.0 |" in text
    assert "| no forced spike | 1,000 | 80.0 | 82.0 | 1 | 12.0 |" in text
    assert "| 100 neurons, 4 bits | 1,000 | 90.5 | 92.5 | 1 | 84.0 | 88.0 | Diehl and Cook (2015) 82.9 |" in text
    assert "### Windows" not in text and text.index("### Neurons") < text.index("### Parts of the rule")


@pytest.mark.slow
def test_the_same_runs_are_drawn_the_same(tmp_path: Path):
    runs = Runs(runs=[made("base", 1, 900), made("bits-4", 1, 800), made("student", 1, 300), made("steps-2", 1, 700)])
    first, again = (plot(runs, tmp_path / name) for name in "ab")
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in again]


class TestChanges:
    """What the picture of a synapse's change is drawn from."""

    def test_the_mean_change_halves_with_the_window(self):
        distances, moved, silent = measured_changes(Learner(), 20, 64)
        assert distances == list(range(-7, 9))
        # 64/256 of what is left to 255 where the input came first, and 128/256 of 20 where it came later
        np.testing.assert_allclose(moved, [29.375] * 4 + [58.75] * 4 + [-10] * 3 + [-5] * 4 + [-2.5], atol=0.2)
        assert silent == pytest.approx(-5, abs=0.2)

    def test_the_longest_windows_fit(self):
        window = {"tau_plus": 64, "tau_minus": 64}
        assert len(measured_changes(Learner(window=window), 127, 64)[0]) == 64

    def test_the_pair_rule_has_nothing_to_say_of_silent_inputs(self):
        assert measured_changes(Learner(window={"silent": 0}), 20, 64)[2] == 0


class TestCommands:
    @pytest.fixture
    def digits(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        sample = load("sample")
        (tmp_path / "digits").mkdir()
        for name, part in (("train", slice(0, 300)), ("test", slice(300, 320))):
            np.savez(tmp_path / "digits" / f"{name}.npz", images=sample.images[part], labels=sample.labels[part])
        monkeypatch.chdir(tmp_path)

    @pytest.mark.slow
    @pytest.mark.usefixtures("digits")
    def test_run_page_and_list(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
        with monkeypatch.context() as patch:
            patch.setattr("snnhw.stdp.experiments.EXPERIMENTS", {"small": SMALL})
            assert run_command(["stdp", "run", "small", "--dataset", "digits"]) == 0
        assert "of 75 right" in capsys.readouterr().err
        record(made("base", 1, 900), "stdp-runs.json")
        Path("page.md").write_text(f"before\n{BEGIN}\nstale\n{END}\nafter\n")
        assert run_command(["stdp", "page", "--write", "page.md", "--json"]) == 0
        assert len(json.loads(capsys.readouterr().out)["runs"]) == 2
        text = Path("page.md").read_text()
        assert text.startswith("before\n") and text.endswith("after\n") and "stale" not in text and "| 90.0 |" in text
        assert Path("stdp-curves.svg").exists() and Path("stdp-sweeps.svg").exists()
        assert run_command(["stdp", "list", "--json"]) == 0
        assert len(json.loads(capsys.readouterr().out)["experiments"]) == len(EXPERIMENTS)
        assert run_command(["stdp", "list"]) == 0
        assert "taught-400-4bit" in capsys.readouterr().out

    def test_what_cannot_run(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
        assert run_command(["stdp", "run", "nothing"]) == 2
        assert "there is no experiment 'nothing'" in capsys.readouterr().err
        assert run_command(["stdp", "page", "--runs", str(tmp_path / "none.json")]) == 2
        assert "has no runs: `snnhw stdp run base" in capsys.readouterr().err

    @pytest.mark.slow
    @pytest.mark.usefixtures("digits")
    def test_pictures(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
        brief = {name: replace(EXPERIMENTS[name], presentations=300) for name in ("student", "mended")}
        monkeypatch.setattr("snnhw.stdp.pictures.EXPERIMENTS", brief)
        assert run_command(["stdp", "pictures", "stdp-mnist", "--dataset", "digits", "--out", "out", "--json"]) == 0
        files = json.loads(capsys.readouterr().out)["files"]
        assert [Path(path).name for path in files] == [
            f"stdp-{name}.png" for name in ("receptive-fields", "membranes", "changes", "failure")
        ]
        assert all(Path(path).stat().st_size > 1000 for path in files)


def test_one_of_several_winners_learns_as_the_learner_does():
    images = load("sample").images.reshape(-1, 784)[:60]
    plain, several = Stdp(Learner.usual(20)), SeveralStdp(1, Stdp(Learner.usual(20)))
    assert [plain.train(image, 32) for image in images] == [several.train(image, 32) for image in images]
    assert plain.register == several.register
    assert (plain.weight == several.weight).all() and (plain.threshold == several.threshold).all()


@pytest.mark.parametrize(("winners", "learned"), [(1, [1]), (2, [1, 0]), (3, [1, 0])])
def test_the_first_neurons_to_fire_learn(winners: int, learned: list[int]):
    learner = Learner(pixels=4, neurons=3, num_steps=4, threshold=100, leakage=0, spikes=3)
    weight = np.array([[60, 110, 90], [70, 110, 0], [0, 0, 0], [0, 0, 0]])  # sums: 130, 220, 90
    several = SeveralStdp(winners, Stdp(learner, weight))
    assert several.train(np.array([255, 100, 0, 0], np.uint8), 32) == (1, 0)
    assert np.flatnonzero((several.weight != weight).any(axis=0)).tolist() == sorted(learned)
    assert several.threshold[2] == (100 << 6) - len(learned) * learner.fall


def test_an_experiment_of_several_winners_is_run_and_recorded():
    brief = replace(SMALL, neurons=20, presentations=100)
    one, three = (run(replace(brief, winners=winners), load("sample"), None) for winners in (1, 3))
    assert three.winners == 3 and three.curve[-1][0] == 100
    assert (one.assigned_correct, one.readout_correct) != (three.assigned_correct, three.readout_correct)


def test_the_recorded_runs_are_read():
    path = Path(__file__).parents[3] / "docs" / "stdp-runs.json"
    runs = load_runs(path).runs
    assert {kept.experiment for kept in runs} == set(EXPERIMENTS)
