"""What commands say of data that are not what they seem, and what they make of them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from golden.network import run as run_golden
from snnhw.cli.app import run
from snnhw.cli.build import _images
from snnhw.data import Dataset
from snnhw.errors import DatasetError
from snnhw.model import Model, tensor_shapes
from snnhw.modelfile import save
from snnhw.network import Events
from snnhw.presets import preset
from snnhw.srbm.evaluate import inputs
from snnhw.srbm.model import SrbmModel, save_srbm
from snnhw.training import Plan
from tests import circuits
from tests.snnhw.srbm.small import bars, small_model

MODEL = circuits.model("direct")
COUNT = 20
BITS = np.random.default_rng(4).integers(0, 2, (COUNT, circuits.INPUTS), np.uint8)
LABELS = run_golden(MODEL, BITS * np.uint8(255)).classes
"""Every image is correct, once true is 255."""
SLOW = ["--engine", "amaranth", "--limit", "2"]
OTHERS = "save integers to have others\n"
BOOLEANS = f"snnhw: the images of own.npz are booleans: true is a pixel of 255, or an event of 1; {OTHERS}"
DIM = "snnhw: no pixel of own.npz is above 1, and 255 is white: scale them to 0..255 where 1 is meant so\n"
ONE_BASED = "the labels of own.npz go from 1 to 4, and the network has classes 0 to 3: subtract 1 from each\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with small models."""
    monkeypatch.chdir(tmp_path)
    save(MODEL, "small.safetensors")
    save(circuits.model("events"), "events.safetensors")
    save_srbm(small_model(), "srbm.safetensors")
    return tmp_path


def said(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[dict[str, Any], str]:
    """The object that a command prints, and what it says on standard error."""
    assert run([*arguments, "--json"]) == 0
    captured = capsys.readouterr()
    return json.loads(captured.out), captured.err


def own(images: Any, labels: Any = LABELS) -> list[str]:
    np.savez("own.npz", images=images, labels=labels)
    return ["--dataset", "own.npz"]


@pytest.mark.parametrize(
    ("images", "correct", "note"),
    [
        (BITS > 0, COUNT, BOOLEANS),
        (BITS / 2 * 2, COUNT, BOOLEANS.replace("booleans: true", "floats in 0..1: 1")),
        (BITS * 255, COUNT, ""),
        (BITS, None, DIM),
    ],
    ids=["booleans", "floats", "bytes", "0 and 1"],
)
def test_black_and_white_images(images: Any, correct: int | None, note: str, capsys: pytest.CaptureFixture[str]):
    shown, error = said(["evaluate", "small.safetensors", *own(images)], capsys)
    assert error == note
    assert shown["correct"] == correct or (correct is None and shown["correct"] < COUNT)


@pytest.mark.parametrize("kind", [bool, np.uint8, np.float32])
def test_events_of_any_kind_are_events_of_1(kind: type, capsys: pytest.CaptureFixture[str]):
    model = circuits.model("events")
    events = np.random.default_rng(5).integers(0, 2, (COUNT, *model.network.sample_shape), np.uint8)
    given = own(events.astype(kind), run_golden(model, events).classes)
    shown, error = said(["evaluate", "events.safetensors", *given], capsys)
    assert shown["correct"] == COUNT
    assert error.count("\n") == (kind is not np.uint8), "no event is a dark pixel"


@pytest.mark.slow
@pytest.mark.parametrize("command", ["simulate", "verify"])
def test_circuits_see_what_golden_sees(command: str, capsys: pytest.CaptureFixture[str]):
    shown, error = said([command, "small.safetensors", *own(BITS > 0), *SLOW], capsys)
    assert error == BOOLEANS
    if command == "verify":
        assert shown["correct"] == 2
    else:
        assert [image["class"] for image in shown["images"]] == LABELS[:2].tolist()


@pytest.mark.slow
def test_a_test_bench_sends_what_golden_sees(folder: Path, capsys: pytest.CaptureFixture[str]):
    _, error = said(["verilog", "small.safetensors", "--testbench", *own(BITS > 0)], capsys)
    assert error == BOOLEANS
    assert "ff" in (folder / "small_verilog" / "snn_tb_samples.hex").read_text()


def test_labels_from_1_are_refused_where_they_are_needed(capsys: pytest.CaptureFixture[str]):
    given = own(BITS * 255, np.arange(COUNT) % 4 + 1)
    for more in ([], ["--limit", "2"]):
        assert run(["evaluate", "small.safetensors", *given, *more]) == 2
        assert capsys.readouterr().err == f"snnhw: {ONE_BASED}"


@pytest.mark.slow
def test_labels_from_1_are_left_out_and_said_where_they_are_not(capsys: pytest.CaptureFixture[str]):
    given = own(BITS * 255, np.arange(COUNT) % 4 + 1)
    shown, error = said(["verify", "small.safetensors", *given, *SLOW], capsys)
    assert (shown["equal"], shown["correct"], error) == (True, None, f"snnhw: no label is taken: {ONE_BASED}")


def test_a_few_labels_may_lack_class_0(capsys: pytest.CaptureFixture[str]):
    _, error = said(["evaluate", "small.safetensors", *own(BITS * 255, np.full(COUNT, 3))], capsys)
    assert error == ""


def test_data_shows_what_is_assumed(capsys: pytest.CaptureFixture[str]):
    own(BITS > 0, np.eye(4)[LABELS])
    shown, error = said(["data", "show", "own.npz"], capsys)
    assert "".join(f"snnhw: {note}\n" for note in shown["notes"]) == error
    assert error.startswith(BOOLEANS)
    assert "one-hot" in error
    assert shown["labels"] == {str(label): LABELS.tolist().count(label) for label in set(LABELS.tolist())}


def test_training_says_once_what_is_assumed_of_both_sets(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    pytest.importorskip("torch")
    Path("own.npz").mkdir()
    images = np.random.default_rng(1).random((30, 28, 28)) > 0.5
    for split in ("train", "test"):
        np.savez(f"own.npz/{split}.npz", images=images, labels=np.arange(30) % 10)

    def begin(plan: Plan) -> None:
        assert plan.test is not None
        raise DatasetError("begun")

    monkeypatch.setattr("snnhw.cli.train._run", begin)
    assert run(["train", "mnist-mlp", "--dataset", "own.npz", "--validation", "5"]) == 2
    assert capsys.readouterr().err == f"{BOOLEANS}snnhw: begun\n"


def test_a_spiking_rbm_sees_booleans_as_black_and_white(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    images, labels = bars(10, 3)
    seen: list[np.ndarray] = []

    def evaluate(model: SrbmModel, dataset: Dataset, **_: Any) -> None:
        seen.append(inputs(model, dataset)[0])
        raise DatasetError("seen")

    monkeypatch.setattr("snnhw.srbm.evaluate.evaluate_srbm", evaluate)
    for given, note in ((images, ""), (images > 0, BOOLEANS), (images // 255, DIM)):
        assert run(["evaluate", "srbm.safetensors", *own(given, labels)]) == 2
        assert capsys.readouterr().err == f"{note}snnhw: seen\n"
    assert np.array_equal(seen[0], seen[1])
    assert not seen[2].any()


def test_the_sample_is_no_events_of_a_network_of_its_shape():
    def built_on(**changes: Any) -> Dataset | None:
        network = preset("mnist-mlp", num_steps=28).model_copy(update=changes)
        tensors = {name: np.ones(shape, np.int64) for name, shape in tensor_shapes(network).items()}
        return _images(Model(network, tensors), None)

    assert built_on().name == "sample"
    assert built_on(input_shape=(28,), encoder=Events()) is None
