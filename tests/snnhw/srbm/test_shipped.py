"""The spiking RBM that ships: what its file says, and that it still does so."""

from __future__ import annotations

from importlib.resources import files

import numpy as np
import pytest

from golden.srbm import Srbm
from snnhw.data import load
from snnhw.srbm.evaluate import compiled, complete_halves, evaluate_srbm, half_masks, inputs
from snnhw.srbm.presets import SRBM_PRESETS, resolve_srbm


@pytest.mark.parametrize("name", SRBM_PRESETS)
def test_it_is_what_its_preset_trains(name):
    preset, model = SRBM_PRESETS[name], resolve_srbm(name)
    assert model.machine == preset.machine
    assert model.pixels == preset.pixels
    stages = [(stage["step"], stage["presentations"], stage["hold"]) for stage in model.provenance["stages"]]
    assert stages == [(stage.step, stage.presentations, stage.hold) for stage in preset.stages]
    assert model.provenance["training"]["curve"][-1]["presentations"] == preset.presentations
    assert (model.provenance["seed"], model.provenance["sigma"]) == (preset.seed, preset.sigma)


def test_its_file_is_small():
    assert (files("snnhw") / "models" / "srbm-mnist.safetensors").stat().st_size < 2_000_000  # type: ignore[attr-defined]


def test_what_it_was_counted_to_reach():
    provenance = resolve_srbm("srbm-mnist").provenance
    accuracy, completion = provenance["accuracy"], provenance["completion"]
    assert accuracy["total"] == completion["images"] == 10_000
    assert accuracy["correct"] >= 9_200
    assert completion["wrong"] <= 0.11 * completion["unknown"]


def test_it_does_not_degrade_while_it_learns():
    curve = [point["validation"] for point in resolve_srbm("srbm-mnist").provenance["training"]["curve"]]
    assert curve[-1] >= max(curve) - 25  # of 5,000: half a per cent


def test_it_tells_digits_and_completes_them():
    model, sample = resolve_srbm("srbm-mnist"), load("sample", limit=100)
    assert evaluate_srbm(model, sample).correct >= 90
    halves = complete_halves(model, sample)
    assert halves.wrong <= 0.12 * halves.unknown < halves.on


def test_the_plain_machine_agrees():
    model, sample = resolve_srbm("srbm-mnist"), load("sample", limit=4)
    values, labels = inputs(model, sample)
    plain = Srbm(model.machine, model.gp, model.gm, walk=model.walk, refresh=model.refresh)
    fast = compiled(model)
    known = half_masks(28, 28)[:1]
    assert [plain.infer(image)[0] for image in values] == fast.infer(values).classes.tolist()
    np.testing.assert_array_equal(
        plain.regenerate(values[0], known[0])[2], fast.regenerate(values[:1], known).images[0]
    )
    fast.train(values, labels, np.full(4, 5), np.arange(4) % 2)
    for n, image in enumerate(values):
        plain.train(image, int(labels[n]), 5, n % 2 == 1)
    np.testing.assert_array_equal(fast.gp, plain.gp)
    np.testing.assert_array_equal(fast.gm, plain.gm)
    assert (fast.walk, fast.refresh) == (plain.walk, plain.refresh)
