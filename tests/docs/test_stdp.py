"""docs/stdp.md against the records that it is made of, the model that ships, and the description."""

from __future__ import annotations

from typing import Any

import pytest

from snnhw.stdp.learner import Learner, Window
from snnhw.stdp.presets import STDP_PRESETS, resolve_stdp
from snnhw.stdp.results import load, page
from tests.docs.markdown import ROOT, code, sections, tables
from tests.docs.markdown import page as text_of

PAGE = text_of("docs/stdp.md")
SYMBOLS, WINDOW, WIDTHS = tables(sections(PAGE)["The learner"])
RUNS = load(ROOT / "docs" / "stdp-runs.json")
LEAST = {
    "50-8bit-180k": (83.5, 87.3),
    "50-4bit-180k": (83.5, 87.3),
    "100-8bit-60k": (88.0, 91.0),
    "100-4bit-180k": (88.0, 91.0),
    "400-4bit-180k": (92.0, 94.8),
    "taught-50-4bit": (89.5, 0.0),
    "taught-100-4bit": (92.0, 0.0),
    "taught-400-4bit": (93.5, 0.0),
}
"""What headlines promise of the test set, by neurons and by readout, in %, in the mean of seeds 1 to 3."""


def test_the_tables_are_made_of_the_recorded_runs():
    assert page(RUNS).strip() in PAGE


@pytest.mark.parametrize("name", LEAST)
def test_headlines_are_reached_in_the_mean_of_three_seeds(name: str):
    runs = RUNS.of(name)
    assert [run.seed for run in runs] == [1, 2, 3] and {run.test_images for run in runs} == {10_000}
    assert sum(run.test_assigned_correct for run in runs) / 300 >= LEAST[name][0]
    assert sum(run.test_readout_correct for run in runs) / 300 >= LEAST[name][1]


def test_the_model_that_ships_is_a_recorded_run():
    model, run = resolve_stdp("stdp-mnist"), RUNS.of("400-4bit-180k")[0]
    assert model.learner.model_dump(mode="json", exclude_defaults=True) == run.learner
    assert model.provenance["accuracy"]["correct"] == run.test_readout_correct
    assert model.provenance["assignment"]["correct"] == run.test_assigned_correct


def test_every_field_has_a_row_with_its_number():
    rows = SYMBOLS[1:]
    said = {name: row[2] for row in rows for name in code(row[1])}
    learner = STDP_PRESETS["stdp-mnist"].learner
    beside = {"window", "bounds", "forced", "seed"}
    assert set(said) == set(Learner.model_fields) - beside
    for name, number in said.items():
        assert number.split(",")[0] == str(getattr(learner, name)), name
    assert all(f"`{name}`" in PAGE for name in beside)


def test_every_field_of_the_window_has_a_row_with_its_default():
    rows = WINDOW[1:]
    said: dict[str, Any] = {}
    for row in rows:
        said |= dict(zip(code(row[0]), row[1].replace("`", "").split(", "), strict=True))
    assert said == {name: str(field.default) for name, field in Window.model_fields.items()}


def test_widths_are_the_descriptions():
    learner = STDP_PRESETS["stdp-mnist"].learner
    said = {row[0]: row[1] for row in WIDTHS[1:]}
    assert said == {
        "weight": str(learner.weight.width),
        "membrane": str(learner.membrane.width),
        "threshold": str(learner.thresholds.width),
        "excess": f"{learner.excess.width}, signed",
        "readout, score": f"{learner.readout.width} and {learner.scores.width}, signed",
    }


def test_schedules_are_the_presets():
    rows = {row[0]: row[1:] for row in tables(sections(PAGE)["Training"])[0][1:]}
    for name, preset in STDP_PRESETS.items():
        row = rows["400 neurons" if name == "stdp-mnist" else "50, 100 neurons"]
        assert row[0].split() == [str(block.amplitude) for block in preset.learning]
        assert row[1] == f"{sum(block.presentations for block in preset.learning):,}"
        assert row[2].split() == [str(rate) for rate in preset.reading]
        assert rows["`--supervised`"][0].split() == [str(block.amplitude) for block in preset.teaching]
