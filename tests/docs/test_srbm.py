"""docs/srbm.md against the records that it is made of."""

from __future__ import annotations

import json
from typing import Any

from snnhw.srbm.results import load, page
from tests.docs.markdown import ROOT, sections, tables
from tests.docs.markdown import page as text_of

PAGE = text_of("docs/srbm.md")
RUNS = load(ROOT / "docs" / "srbm-runs.json")
TRAINED: list[dict[str, Any]] = [
    json.loads((ROOT / name).read_text())
    for name in (
        "snnhw/models/srbm-mnist.training.json",
        "docs/srbm-mnist-seed2.training.json",
        "docs/srbm-mnist-seed3.training.json",
    )
]


def percent(count: int, total: int) -> str:
    return f"{100 * count / total:.2f}"


def test_the_headlines_are_those_of_the_records():
    rows = {row[0].split(" ", 2)[0]: row for row in tables(sections(PAGE)["Results"])[0][1:]}
    assert [record["seed"] for record in TRAINED] == [1, 2, 3]
    assert len({json.dumps(record["stages"]) for record in TRAINED}) == 1
    assert rows["plain"][2] == ", ".join(f"{record['accuracy']['correct']:,}" for record in TRAINED)
    halves = [record["completion"] for record in TRAINED]
    assert rows["a"][2] == ", ".join(percent(half["wrong"], half["unknown"]) for half in halves)
    assert f"all left off {percent(halves[0]['on'], halves[0]['unknown'])}" in rows["a"][3]
    mode2 = sorted((run.seed, run.test_correct) for run in RUNS.runs if run.experiment == "cnn2-long")
    assert rows["mode"][2] == ", ".join(f"{correct:,}" for _, correct in mode2)
    chips = next(run for run in RUNS.runs if run.experiment == "chips")
    assert rows["one"][2] == f"{chips.correct} of {chips.images} (one seed)"


def test_the_course_of_the_training_is_recorded():
    said = " ".join(sections(PAGE)["Results"].split())
    first, *others = [f"{point['validation']:,}" for point in TRAINED[0]["training"]["curve"]]
    assert f"it gets {first} after 10,000 presentations" in said
    assert f"{', '.join(others[:-1])} and {others[-1]}" in said
    assert f"took {TRAINED[0]['training']['curve'][-1]['seconds']:.0f} s" in said


def test_the_tables_are_made_of_the_recorded_runs():
    assert page(RUNS).strip() in PAGE
