"""Experiments: all of them can be built, runs can be told again, and pages are made of what was recorded."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from snnhw.cli.app import run as run_command
from snnhw.data import Dataset, load
from snnhw.errors import DatasetError, DescriptionError
from snnhw.srbm.devices import Imperfections
from snnhw.srbm.evaluate import half_masks
from snnhw.srbm.experiments import EXPERIMENTS, GROUPS, Experiment, find_experiment
from snnhw.srbm.features import bits
from snnhw.srbm.machine import Machine
from snnhw.srbm.model import SrbmModel, initial_levels, save_srbm
from snnhw.srbm.optimisers import Momentum
from snnhw.srbm.results import BEGIN, END, Runs, page, plot, record
from snnhw.srbm.results import load as load_runs
from snnhw.srbm.runs import Run, run

pytest.importorskip("numba")

MACHINE = {"hidden": 100, "inference_ticks": 80}
SMALL = Experiment("small", "base", "a small one", machine=MACHINE, schedule=((16, 200), (32, 200)))


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_experiment_describes_a_machine(name):
    experiment = find_experiment(name)
    pixels = {"cnn1": 720, "cnn2": 768, "cnn2-dense": 768}.get(experiment.features, 784)
    assert experiment.described(pixels).pixels == pixels
    assert experiment.group in GROUPS and experiment.name == name


@pytest.mark.slow
def test_an_experiment_learns_and_can_be_told_again():
    sample = load("sample")
    first, again = (run(SMALL, sample, None, seed=4) for _ in range(2))
    assert first.images == 250 and first.correct > 100  # chance is 25
    assert first.curve[-1] == (400, first.correct / 250) and first.curve[0][0] == 80
    assert first.model_copy(update={"seconds": 0.0}) == again.model_copy(update={"seconds": 0.0})
    assert run(SMALL, sample, None, seed=5).curve != first.curve
    assert first.test_correct is None
    assert first.machine == MACHINE


def test_the_test_set_is_looked_at_for_headlines_alone():
    sample = load("sample")
    brief = replace(SMALL, schedule=((8, 20),))
    assert run(brief, sample, sample).test_correct is None
    assert run(replace(brief, headline=True), sample, sample).test_correct is not None


@pytest.mark.parametrize("place", [0, 1])
def test_labels_from_1_are_refused(place):
    sets = [load("sample"), load("sample")]
    sets[place] = Dataset(sets[0].images, sets[0].labels + 1, "own")
    with pytest.raises(
        DatasetError, match="the labels of own go from 1 to 10, and the network has classes 0 to 9: sub"
    ):
        run(SMALL, *sets)


def test_few_images_are_told_from_themselves():
    few = replace(SMALL, images=20, schedule=((32, 200),))
    made = run(few, load("sample"), None)
    assert made.images == 20 and made.correct >= 15


def test_perfect_devices_and_no_momentum_change_nothing():
    brief = replace(SMALL, schedule=((8, 40),))
    plain, devices, weights = (
        run(experiment, load("sample"), None)
        for experiment in (
            brief,
            replace(brief, devices=Imperfections()),
            replace(brief, optimiser=lambda: Momentum(gamma=0.0, rate=0.0)),
        )
    )
    assert plain.curve == devices.curve == weights.curve
    assert plain.hidden_rate == devices.hidden_rate == weights.hidden_rate
    assert devices.set_pulses > 0 and plain.set_pulses is None


def test_the_last_presentations_hold_their_pixels():
    brief = replace(SMALL, schedule=((8, 50),))
    held, free = (run(replace(brief, hold=hold), load("sample"), None) for hold in (10, 0))
    assert (held.hold, free.hold) == (10, 0)
    assert held.curve[:4] == free.curve[:4] and held.curve[4] != free.curve[4]


def test_completions_are_told_beside_copies():
    machine, nearest, off = (
        run(replace(SMALL, completes=True, baseline=baseline, headline=True), load("sample"), load("sample"))
        for baseline in (None, "nearest", "off")
    )
    images = bits("threshold", load("sample").images)[750:]
    unknown = np.concatenate([images[n::4][:, known == 0].reshape(-1) for n, known in enumerate(half_masks(28, 28))])
    assert off.correct is None and off.wrong == pytest.approx(unknown.mean(), rel=0.02)
    assert nearest.wrong < off.wrong and nearest.test_wrong < nearest.wrong  # it has seen most of what is its test here
    assert 0 < machine.wrong < 0.3 and machine.correct is not None


@pytest.mark.slow
@pytest.mark.parametrize("baseline", ["logistic", "rbm"])
def test_baselines_are_experiments(baseline):
    made = run(replace(SMALL, baseline=baseline), load("sample"), None)
    assert made.correct > 50 and made.schedule == []


def made(experiment: str, seed: int, correct: int | None, **known: object) -> Run:
    return Run.model_validate(
        {
            "experiment": experiment,
            "seed": seed,
            "machine": {},
            "schedule": [(4, 1000)],
            "features": "threshold",
            "bits_digest": "0",
            "images": 1000,
            "correct": correct,
            "curve": [(500, 0.5), (1000, (correct or 0) / 1000)],
            **known,
        }
    )


def test_runs_are_recorded_in_order_and_once(tmp_path):
    path = tmp_path / "runs.json"
    for name, seed, correct in (("rate-250", 1, 700), ("base", 2, 800), ("base", 1, 100), ("base", 1, 900)):
        record(made(name, seed, correct), path)
    assert [(kept.experiment, kept.seed, kept.correct) for kept in load_runs(path).runs] == [
        ("base", 1, 900),
        ("base", 2, 800),
        ("rate-250", 1, 700),
    ]
    path.write_text('{"runs": [{"experiment": "base"}]}')
    with pytest.raises(DescriptionError, match="seed"):
        load_runs(path)


def test_a_page_says_spread_test_set_rates_and_pulses():
    text = page(
        Runs(
            runs=[
                made("base", 1, 900),
                made("base", 2, 910),
                made("rate-250", 1, 700, hidden_rate=0.01, clamped_rate=0.125, free_rate=0.0625, wrong=0.103),
                made("cnn2-long", 1, 980, test_correct=9790),
                made("short", 1, 800, set_pulses=123_456, reset_pulses=7_890),
                made("logistic", 1, 928, schedule=[]),
                made("nearest", 1, None, schedule=[], wrong=0.12, test_wrong=0.1234, curve=[]),
            ]
        )
    )
    assert "90.50 (90.00 to 91.00) | 2 |" in text
    assert "| a spike every 8 ticks: 250 Hz | 1,000 | 70.0 | 1 | falls above 230 Hz | 0.1250 | 0.0625 | 10.3 |" in text
    assert "| from the nearest training image | - | - | 1 | - | 12.0; test 12.34 |" in text
    assert "98.0; test 97.9" in text
    assert "| 123,456 | 7,890 |" in text
    assert "| - | 92.8 | 1 | - |" in text
    assert text.index("### Base") < text.index("### Spike rate") < text.index("### Baselines")
    assert "### Pooling" not in text


@pytest.mark.slow
def test_the_same_runs_are_drawn_the_same(tmp_path):
    runs = Runs(runs=[made("base", 1, 900), made("rate-250", 1, 700), made("delta-1", 1, 800)])
    first, again = (plot(runs, tmp_path / name) for name in "ab")
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in again]


def test_the_page_is_written_between_its_marks(tmp_path, capsys):
    runs, target = tmp_path / "runs.json", tmp_path / "page.md"
    record(made("base", 1, 900), runs)
    target.write_text(f"before\n{BEGIN}\nstale\n{END}\nafter\n")
    assert run_command(["srbm", "page", "--runs", str(runs), "--write", str(target), "--json"]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["runs"][0]["correct"] == 900 and captured.err == ""
    text = target.read_text()
    assert text.startswith("before\n") and text.endswith("after\n") and "stale" not in text and "| 90.0 |" in text
    assert (tmp_path / "srbm-curves.svg").exists() and (tmp_path / "srbm-sweeps.svg").exists()


def test_commands_that_cannot_run(tmp_path, capsys):
    assert run_command(["srbm", "run", "nothing"]) == 2
    assert "there is no experiment 'nothing'" in capsys.readouterr().err
    assert run_command(["srbm", "page", "--runs", str(tmp_path / "none.json")]) == 2
    assert "has no runs" in capsys.readouterr().err


def test_what_is_hardly_wanted_is_said_once(tmp_path, monkeypatch, capsys):
    fast = replace(SMALL, machine={**MACHINE, "periods": {"pixel": 8}}, schedule=((8, 20),))
    copied = replace(fast, name="copied", baseline="off", completes=True)
    experiments = {"small": fast, "again": replace(fast, name="again"), "copied": copied}
    monkeypatch.setattr("snnhw.srbm.experiments.EXPERIMENTS", experiments)
    monkeypatch.setattr("snnhw.data.load", lambda *_: load("sample"))
    monkeypatch.setattr("snnhw.srbm.runs.run", lambda experiment, *_, **__: made(experiment.name, 1, 900))
    command = ["srbm", "run", "--runs", str(tmp_path / "runs.json"), "--json"]
    assert run_command([*command, "small", "again", "copied"]) == 0
    captured = capsys.readouterr()
    assert captured.err.count("\n") == 1
    assert captured.err.startswith("snnhw: a period of 8 ticks for each pixel is less than the 9 that a refractory")
    assert len(json.loads(captured.out)["runs"]) == 3
    assert run_command([*command, "copied"]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.slow
def test_pictures_of_a_model(tmp_path, capsys):
    machine = Machine(hidden=20, inference_ticks=40)
    model = SrbmModel(machine, *initial_levels(machine, 58.0, seed=1))
    save_srbm(model, tmp_path / "own.safetensors")
    command = ["srbm", "pictures", str(tmp_path / "own.safetensors"), "--images", "2", "--out", str(tmp_path / "out")]
    assert run_command([*command, "--json"]) == 0
    files = json.loads(capsys.readouterr().out)["files"]
    assert len(files) == 4 and all(Path(path).stat().st_size > 1000 for path in files)


def test_experiments_are_listed(capsys):
    assert run_command(["srbm", "list", "--json"]) == 0
    listed = {made["name"]: made["deck"] for made in json.loads(capsys.readouterr().out)["experiments"]}
    assert listed["rate-250"] == "falls above 230 Hz" and listed["logistic"] is None
    assert run_command(["srbm", "list"]) == 0
    assert all(name in capsys.readouterr().out for name in ("cnn2-long",))


def test_the_recorded_runs_are_read():
    path = Path(__file__).parents[3] / "docs" / "srbm-runs.json"
    runs = load_runs(path).runs
    assert runs and {kept.experiment for kept in runs} <= set(EXPERIMENTS)
