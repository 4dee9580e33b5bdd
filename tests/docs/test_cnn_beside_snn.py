"""docs/cnn-beside-snn.md against the record that it is made of, and the model that ships."""

from __future__ import annotations

import json
import math

from benchmarks.arms import Course
from benchmarks.course_page import Comparison, below, percents, reached, settled, table
from tests.docs.markdown import ROOT, page, sections, tables

PAGE = page("docs/cnn-beside-snn.md")
RECORD = Comparison.model_validate_json((ROOT / "docs" / "cnn-beside-snn.json").read_bytes())
COURSES: dict[str, Course] = {course.arm: course for course in RECORD.courses}


def test_the_table_is_made_of_the_record():
    assert table(RECORD).strip() in PAGE


def test_the_course_of_the_model_that_ships_is_the_record_of_its_training():
    trained = json.loads((ROOT / "snnhw" / "models" / "mnist-conv-seed.training.json").read_text())
    assert [epoch.correct for epoch in COURSES["snn-5"].epochs] == [
        epoch["test"]["correct"] for epoch in trained["epochs"]
    ]
    for ours, recorded in zip(COURSES["snn-5"].epochs, trained["epochs"], strict=True):
        assert math.isclose(ours.loss, recorded["loss"], abs_tol=1e-3)


def test_what_the_text_says_of_the_courses():
    for name in ("cnn", "cnn-relu", "snn-5"):
        assert (reached(COURSES[name]), below(COURSES[name])) == (1, 0)
    for name in ("snn-5", "cnn"):
        right = percents(COURSES[name])
        assert f"{min(right):.2f} to {max(right):.2f} %" in PAGE
    losses = [epoch.loss for epoch in COURSES["cnn"].epochs]
    assert losses[-1] > 1.5 * min(losses) and losses.index(min(losses)) < 3
    seconds = {name: RECORD.epoch_seconds(course) for name, course in COURSES.items()}
    assert 4 < seconds["snn-5"] / seconds["cnn"] < 6
    assert seconds["snn-50"] / seconds["cnn"] > 25
    assert settled(COURSES["cnn"])[1] > 10 * settled(COURSES["snn-5"])[1]
    assert f"{math.log(math.e + 9) - 1:.3f}" in PAGE
    assert settled(COURSES["snn-5"])[0] > math.log(math.e + 9) - 1


def test_the_table_of_choices_is_of_the_preset():
    rows = {row[0]: row[2] for row in tables(sections(PAGE)["The networks"])[0][1:]}
    trained = json.loads((ROOT / "snnhw" / "models" / "mnist-conv-seed.training.json").read_text())
    options, network = trained["options"], trained["network"]
    assert rows["steps"].startswith(f"{network['num_steps']} in the model that ships")
    assert {stage["neuron"]["leak"]["bits"] for stage in network["stages"]} == {1}
    assert "a shift by 1" in rows["beta"]
    assert options["loss"]["kind"] in rows["loss"]
    largest = 1 << (network["stages"][0]["synapse"]["weight_bits"] - 1)
    assert f"{options['learning_rate'] * largest:.2f} integers" in rows["optimiser"]
    assert f"slope {options['surrogate']['slope']:.0f}" in rows["surrogate"]
    assert (options["validation"], trained["samples"]) == (0, 60_000)
