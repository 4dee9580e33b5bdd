"""The learner by STDP that ships: what its file says, and that it still does so."""

from __future__ import annotations

from dataclasses import asdict
from importlib.resources import files

import pytest

from snnhw.data import load
from snnhw.stdp.evaluate import compiled, evaluate_stdp, golden, inputs
from snnhw.stdp.presets import STDP_PRESETS, resolve_stdp

pytest.importorskip("numba")


def test_it_is_what_its_preset_trains():
    preset, model = STDP_PRESETS["stdp-mnist"], resolve_stdp("stdp-mnist")
    assert model.learner == preset.learner
    assert model.provenance["learning"] == [asdict(block) for block in preset.learning]
    assert (model.provenance["reading"], model.provenance["teaching"]) == (list(preset.reading), [])
    assert (model.provenance["seed"], model.provenance["images"]) == (preset.seed, 55_000)


def test_its_file_is_small():
    assert (files("snnhw") / "models" / "stdp-mnist.safetensors").stat().st_size < 180_000  # type: ignore[attr-defined]


def test_what_it_was_counted_to_reach():
    provenance = resolve_stdp("stdp-mnist").provenance
    assert provenance["accuracy"]["total"] == provenance["assignment"]["total"] == 10_000
    assert provenance["accuracy"]["correct"] >= 9_480 and provenance["assignment"]["correct"] >= 9_200


def test_it_tells_digits():
    counted = evaluate_stdp(resolve_stdp("stdp-mnist"), load("sample", limit=500))
    assert counted.readout_correct >= 460 and counted.assigned_correct >= 450


def test_the_plain_learner_agrees_while_it_answers_and_goes_on_learning():
    model, sample = resolve_stdp("stdp-mnist"), load("sample", limit=20)
    images, labels = inputs(model.learner, sample)
    plain, fast = golden(model), compiled(model)
    fired, _, answers = fast.infer(images)
    assert [plain.infer(image) for image in images] == [[tuple(spike) for spike in spikes] for spikes in fired.tolist()]
    assert [plain.score(plain.infer(image))[0] for image in images] == answers.tolist()
    assert [plain.train(image, 8) for image in images] == [tuple(won) for won in fast.train(images, 8).tolist()]
    fast.teach(images, labels, 2)
    for image, label in zip(images, labels.tolist(), strict=True):
        plain.teach(image, label, 2)
    assert plain.weight.tolist() == fast.weight.tolist() and plain.register == fast.register
