"""README.md against the program and what it ships: its Python runs, and its numbers are those of the records."""

from __future__ import annotations

import json
import re
import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from golden.network import run
from snnhw.data import load
from snnhw.demo import draw_sample
from snnhw.design import Design
from snnhw.evaluate import evaluate
from snnhw.implementation import Implementation
from snnhw.model import Model
from snnhw.network import Conv2d, PlacedLayer, SMaxPool2d
from snnhw.presets import PRESETS, resolve_model
from snnhw.shipped import shipped_models
from snnhw.subject import SubjectKind
from snnhw.timing import predict
from tests.docs.markdown import ROOT, fences, page, sections, table, tables

PAGE = page("README.md")


@pytest.mark.slow
def test_the_python_runs_from_top_to_bottom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """With a small model in the place of the one that ships, and the simulator that needs no compiler."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CXX", "no-such-compiler")
    random = np.random.default_rng(1)
    weights = {"w1": random.normal(size=(6, 784)), "w2": random.normal(size=(10, 6))}
    names: dict[str, Any] = {**weights, "b1": random.normal(size=6), "b2": random.normal(size=10)}
    layers = torch.nn.Linear(784, 6), torch.nn.Linear(6, 10)
    names["torch_module"] = torch.nn.Sequential(*layers)
    names["trained_module"] = torch.nn.Sequential(torch.nn.Flatten(), layers[0], torch.nn.ReLU(), layers[1])
    names["images"] = random.integers(0, 256, (20, 28, 28), np.uint8)
    small = Model.from_arrays(list(weights.values()), input_shape=(28, 28), num_steps=2)
    monkeypatch.setattr("snnhw.presets.resolve_model", {"mnist-mlp": small}.__getitem__)
    Path("readme.py").write_text("".join(fences(PAGE, "python")))
    left = runpy.run_path("readme.py", init_globals=names)
    assert Path("mine.safetensors").is_file()
    assert Path("build/snn.v").is_file()
    assert left["report"].equal
    assert left["report"].images == len(left["samples"])


def rows(*header: str) -> list[list[str]]:
    """The rows of a table under "Measured"."""
    return table(sections(PAGE)["Measured"], *header)


def record(name: str) -> dict[str, Any]:
    """The training record that ships beside a model."""
    parsed: dict[str, Any] = json.loads((ROOT / "snnhw" / "models" / f"{name}.training.json").read_text())
    return parsed


def in_short(layer: PlacedLayer) -> str:
    """A layer as papers write it: 12c5s2 is a convolution to 12 channels by a kernel of 5 and a stride of 2.

    12c5p2 is one of stride 1 with a maximum over windows of 2, and P2 a layer that takes a maximum of spikes.
    """
    if isinstance(layer.synapse, SMaxPool2d):
        return f"P{layer.synapse.size[0]}"
    if isinstance(synapse := layer.synapse, Conv2d):
        (kernel, _), (stride, _), (pool, _) = synapse.kernel, synapse.stride, synapse.max_pool
        return f"{synapse.channels}c{kernel}" + (f"s{stride}" if stride > 1 else "") + (f"p{pool}" if pool > 1 else "")
    return str(layer.units)


def test_the_table_of_models_holds_what_they_are():
    found = rows("model", "network", "weights", "steps", "correct")
    assert [row[0] for row in found] == [
        f"`{name}`" for name in sorted(shipped_models(SubjectKind.NETWORK), reverse=True)
    ]
    for name, shape, bits, steps, correct, *_ in found:
        model = resolve_model(name.strip("`"))
        network, accuracy = model.network, model.provenance["accuracy"]
        assert shape.split(",")[0] == "-".join([str(network.inputs), *map(in_short, network.layers)])
        assert {f"{layer.synapse.weight_range.width} bits" for layer in network.layers if layer.has_weights} == {bits}
        assert int(steps) == network.num_steps
        assert accuracy["total"] == 10_000
        assert correct == f"{accuracy['correct']:,} ({accuracy['correct'] / 100:.2f} %)"


def test_the_changelog_names_the_same_accuracies():
    text = page("CHANGELOG.md")
    for name in shipped_models(SubjectKind.NETWORK):
        assert re.search(rf"`{name}` \({resolve_model(name).provenance['accuracy']['correct'] / 100:.2f} %", text)


@pytest.mark.parametrize(
    "name", [name for name in shipped_models(SubjectKind.NETWORK) if PRESETS[name].converted is None]
)
def test_records_are_those_of_the_models_that_ship(name: str):
    shipped, trained = resolve_model(name), record(name)
    assert trained["network"] == shipped.network.model_dump(mode="json")
    kept = trained["epochs"][trained["kept"] - 1]
    accuracy = shipped.provenance["accuracy"]
    assert kept["test"] == {"correct": accuracy["correct"], "total": accuracy["total"]}
    said = " ".join(sections(PAGE)["Measured"].split())
    assert f"seed {trained['options']['seed']}; 5,000 training images" in said
    held = trained["options"]["validation"]
    assert held == 5_000 or f"of `{name}` none was held back" in said


def test_the_table_of_points_is_that_of_the_page_of_performance():
    text = page("docs/performance.md")
    cycles = {row[0]: row for row in table(text, "point", "what it is")}
    cells = {row[0]: row for row in table(text, "point", "part", "LUT")}
    found = rows("`--point`", "part", "LUT", "cycles an image", "back to back")
    assert len(found) == 4
    for name, part, lut, latency, between in found:
        assert [part, lut] == cells[name][1:3]
        assert [latency, between] == [cycles[name][2].split(" / ")[1], cycles[name][5]]


def test_the_table_of_the_machine_that_learns_is_of_its_records():
    found = dict(tables(sections(PAGE)["A machine that learns on the chip"])[0][1:])
    trained, runs = record("srbm-mnist"), json.loads((ROOT / "docs" / "srbm-runs.json").read_text())["runs"]
    completion = trained["completion"]
    mode2 = next(run for run in runs if (run["experiment"], run["seed"]) == ("cnn2-long", 1))
    counts = {"10,000 test images": trained["accuracy"]["correct"], "mode 2": mode2["test_correct"]}
    for words, count in counts.items():
        shown = next(value for what, value in found.items() if words in what)
        assert shown == f"{count:,} ({count / 100:.2f} %)"
    presentations = sum(stage["presentations"] for stage in trained["stages"])
    assert any(f"{presentations:,} presentations" in what for what in found)
    missing = next(what for what in found if "one half" in what)
    assert found[missing] == f"{100 * completion['wrong'] / completion['unknown']:.2f} %"
    assert f"{100 * completion['on'] / completion['unknown']:.2f} %" in missing


def test_the_table_of_epochs_holds_what_training_recorded():
    found = rows("epoch", "1")
    recorded = [epoch["test"] for epoch in record("mnist-graded")["epochs"][:8]]
    assert found[-1][1:] == [f"{100 * score['correct'] / score['total']:.2f}" for score in recorded]
    assert len(recorded) == 8


@pytest.mark.slow
def test_what_the_demo_prints():
    """The drawing, the count on the sample and the cycles of its images are those that the demo would print."""
    printed = next(block for block in fences(PAGE, "") if "spikes of layer" in block)
    model, sample = resolve_model("mnist-mlp"), load("sample")
    first = run(model, sample.images[:1], traces=True)
    drawn = [line.strip() for line in draw_sample(model, sample.images[0], first)]
    lines = [line.strip() for line in printed.splitlines()]
    drawing = lines[: lines.index("")]
    assert len(drawing) > model.network.num_steps
    assert set(drawing) <= set(drawn)
    correct = evaluate(model, sample).correct
    assert f"correct {correct} of 1000 ({correct / 10:.2f} %)" in re.sub(" +", " ", printed)
    latency = predict(Design(model, Implementation.of(model.network)), run(model, sample.images, traces=True)).latency
    spread = f"{latency.min()} / {latency.mean():.1f} / {latency.max()}"
    assert f"cycles an image {spread}" in re.sub(" +", " ", printed)
