"""The command that trains a CNN beside the spiking network of the same layers, on a few images of noise."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks import arms, cnn_beside_snn
from benchmarks.arms import Arm, Course, Epoch, cnn
from benchmarks.course_page import BEGIN, END, Comparison, Seconds, below, reached, settled, table
from snnhw.data import Dataset
from snnhw.network import Conv2d, CountReadout
from snnhw.presets import preset
from snnhw.train.evaluate import computing_threads

PRINTED = """
(0): Conv2d(1, 12, kernel_size=(5, 5), stride=(1, 1))
(1): MaxPool2d(kernel_size=2, stride=2, padding=0, dilation=1, ceil_mode=False)
(3): Conv2d(12, 64, kernel_size=(5, 5), stride=(1, 1))
(4): MaxPool2d(kernel_size=2, stride=2, padding=0, dilation=1, ceil_mode=False)
(6): Linear(in_features=1024, out_features=10, bias=True)
"""
"""The layers as the report prints them."""


def test_the_network_is_that_of_the_report():
    printed = re.findall(r"(Conv2d|Linear)\((?:in_features=)?(\d+), (?:out_features=)?(\d+)", PRINTED)
    network = preset("mnist-conv-seed")
    weights = [layer.tensor_shapes["weight"] for layer in network.layers]
    assert [(shape[1], shape[0]) for shape in weights] == [(int(into), int(out)) for _, into, out in printed]
    for stage in network.stages:
        neuron = stage.neuron
        assert neuron is not None
        assert (neuron.reset, neuron.reset_delay, neuron.fires) == ("subtract", True, True)
        assert neuron.leak.text == "leak m - (m >> 1) rounding floor"
        assert stage.bias
        if isinstance(stage.synapse, Conv2d):
            assert (stage.synapse.kernel, stage.synapse.stride, stage.synapse.padding) == ((5, 5), (1, 1), (0, 0))
            assert stage.synapse.max_pool == (2, 2)
    assert network.readout == CountReadout()
    assert network.num_steps <= 8
    assert preset("mnist-conv-seed", num_steps=50).num_steps == 50


@pytest.mark.parametrize("relu", [False, True])
def test_the_cnn_has_the_shapes_of_the_spiking_network(relu: bool):
    network = preset("mnist-conv-seed")
    ours = [layer.tensor_shapes[name] for layer in network.layers for name in ("weight", "bias")]
    assert [tuple(tensor.shape) for tensor in cnn(relu).parameters()] == ours
    assert sum(isinstance(layer, torch.nn.ReLU) for layer in cnn(relu)) == 2 * relu


def test_the_optimiser_is_that_of_the_report():
    chosen = arms.options(3)
    (group,) = arms.adam(cnn(relu=False)).param_groups
    assert (chosen.learning_rate, chosen.betas, chosen.batch_size) == (0.01, (0.9, 0.999), 128)
    assert (group["lr"], group["betas"], arms.BATCH_SIZE) == (chosen.learning_rate, chosen.betas, chosen.batch_size)
    assert chosen.loss.kind == "ce_rate"
    assert (chosen.epochs, chosen.augment, chosen.teacher, chosen.schedule) == (3, None, None, "constant")


def test_losses_of_batches_come_back_from_the_means_so_far():
    losses, sizes = np.array([2.0, 1.5, 0.25]), np.array([4, 4, 1])
    means = np.cumsum(losses * sizes) / np.cumsum(sizes)
    assert list(arms.batch_losses(means.tolist(), 4, 9)) == pytest.approx(losses.tolist())


def course(*correct: int, losses: tuple[float, ...] = (1.0,), deviations: tuple[float, ...] = (0.0,)) -> Course:
    epochs = [
        Epoch(cpu_seconds=1, correct=right, loss=1, losses=list(losses), deviations=list(deviations))
        for right in correct
    ]
    return Course(arm="cnn", samples=300, images=1000, epochs=epochs)


def test_what_is_read_off_a_course():
    assert reached(course(949, 950, 940)) == 2
    assert reached(course(949)) is None
    assert below(course(899, 899, 900, 880)) == 2
    assert course(1).batches == 3
    assert settled(course(1, losses=(9, 9, 9, 9, 2, 4), deviations=(5, 5, 5, 5, 1, 1))) == pytest.approx((3, 2**0.5))


def test_the_table_of_a_record():
    courses = [course(899, 950), Course(arm="snn-50", samples=300, images=1000)]
    seconds = Seconds(batches=8, medians={"cnn": 0.1, "snn-50": 2.0})
    lines = table(Comparison(courses=courses, seconds=seconds, versions={"torch": "2"})).splitlines()
    found = {
        cells[1].strip(): [cell.strip() for cell in cells[4:-1]] for cells in (line.split("|") for line in lines[2:13])
    }
    assert found["CPU seconds per epoch"] == ["0.3", "6.0"]
    assert found["as a multiple of the first CNN's"] == ["1.0", "20.0"]
    assert found["epochs trained"] == ["2", "0"]
    assert found["epochs below 90 %"] == ["1", "-"]
    assert found["epochs to 95 %"] == ["2", "-"]
    assert found["CPU seconds to 95 %, at most"] == ["1", "-"]
    assert found["right after the last epoch, %"] == ["95.00", "-"]


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> Dataset:
    """Images of noise in the place of MNIST, and few steps in that of 50."""
    random = np.random.default_rng(0)
    images = Dataset(random.integers(0, 256, (300, 28, 28), np.uint8), np.arange(300) % 10, "noise")
    monkeypatch.setattr(cnn_beside_snn, "load", lambda name, split, limit: images.first(limit))
    short = Arm("snn-50", "SNN, 50 steps", num_steps=2)
    monkeypatch.setattr(cnn_beside_snn, "ARMS", {**arms.ARMS, "snn-50": short})
    return images


def called(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> None:
    """Run the command."""
    monkeypatch.setattr(sys, "argv", ["cnn_beside_snn", *map(str, arguments)])
    with computing_threads(1):
        cnn_beside_snn.main()


@pytest.mark.slow
@pytest.mark.usefixtures("few")
def test_one_command_makes_record_table_and_plots(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    pytest.importorskip("matplotlib")
    page = tmp_path / "cnn-beside-snn.md"
    page.write_text(f"Before\n{BEGIN}\n{END}\nafter\n")
    options = ("--epochs", 1, "--slow-epochs", 1, "--rounds", 1, "--batches", 1, "--folder", tmp_path / "work")
    called(monkeypatch, *options, "--write", tmp_path)
    text = capsys.readouterr().out
    made = Comparison.model_validate_json((tmp_path / "cnn-beside-snn.json").read_bytes())
    assert [(of.arm, len(of.epochs), of.samples) for of in made.courses] == [(name, 1, 300) for name in arms.ARMS]
    assert set(made.seconds.medians) == set(arms.ARMS)
    assert all(seconds > 0 for seconds in made.seconds.medians.values())
    assert table(made).strip() in text
    assert table(made).strip() in page.read_text()
    for link in re.findall(r"\]\((.*?)\)", text):
        assert (tmp_path / link).read_text().startswith("<?xml")
    called(monkeypatch, "--read", tmp_path / "cnn-beside-snn.json")
    assert capsys.readouterr().out == text


@pytest.mark.slow
@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("name", ["cnn", "snn-50"])
def test_an_interrupted_course_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str):
    """Between the record of an epoch and its checkpoint, from which that epoch is then trained again."""

    def trained(folder: str) -> Course:
        options = ("--epochs", 3, "--slow-epochs", 3, "--folder", tmp_path / folder)
        called(monkeypatch, "--only", name, *options)
        return Course.model_validate_json((tmp_path / folder / f"{name}.json").read_bytes())

    def interrupt(line: str) -> None:
        if ", epoch 2: " in line:
            raise KeyboardInterrupt

    whole = trained("whole")
    with monkeypatch.context() as patched:
        patched.setattr(cnn_beside_snn, "say", interrupt)
        with pytest.raises(KeyboardInterrupt):
            trained("parts")
    parts = trained("parts")
    assert len(whole.epochs) == 3
    assert [epoch.losses for epoch in parts.epochs] == [epoch.losses for epoch in whole.epochs]
    assert [epoch.correct for epoch in parts.epochs] == [epoch.correct for epoch in whole.epochs]
