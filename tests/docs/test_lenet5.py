"""The page of LeNet-5: its tables are of the models that ship, and what is chosen is chosen by the held-out images."""

import re
from typing import Any

from benchmarks.lenet5 import BEGIN, CHOSEN_AT, END, Way, best, ways
from snnhw.ann.presets import ANN_PRESETS, resolve_ann
from snnhw.presets import resolve_model
from tests.docs.markdown import page

TABLES = page("docs/lenet5.md").partition(BEGIN)[2].partition(END)[0]


def per_cent(counted: dict[str, Any]) -> str:
    return f"{100 * counted['correct'] / counted['total']:.2f}"


def test_the_tables_are_of_what_ships():
    model, ann = resolve_model("lenet5"), resolve_ann("lenet5-ann")
    assert f"has the digest {ann.digest[:16]}." in TABLES
    assert f"floating point has {per_cent(ann.provenance['accuracy'])}." in TABLES
    assert f"(floating point {ann.provenance['validation']['correct']:,})" in TABLES
    chosen = ANN_PRESETS["lenet5-ann"].conversion
    assert (
        f"percentile {chosen['percentile']:g} of those above 0 and {chosen['most_spikes']} spikes are chosen" in TABLES
    )
    row = next(line for line in TABLES.splitlines() if line.startswith("| lateral inhibition | threshold / 2 | 5 |"))
    assert row.split(" | ")[4:][CHOSEN_AT - 1] == per_cent(model.provenance["accuracy"])


def test_the_choice_is_the_greatest_of_the_table_of_held_out_images():
    rows = re.findall(r"^\| (\d+) of (those above 0|all) \| (.*) \|$", TABLES, re.MULTILINE)
    counts = {(float(row[0]), row[1]): [int(cell.replace(",", "")) for cell in row[2].split(" | ")] for row in rows}
    greatest = max(max(each) for each in counts.values())
    assert len(counts) == 8 and counts[90.0, "those above 0"][-1] == greatest


def test_of_equals_the_fewest_spikes_and_the_lowest_percentile_are_chosen():
    few, low, high = (Way("lateral_inhibition", "half", *rest) for rest in ((1, 99.0), (3, 80.0), (3, 90.0)))
    assert best({high: 7, low: 7, few: 6}) == low
    assert best({high: 7, low: 7, few: 7}) == few
    assert best({high: 8, low: 7, few: 6}) == high
    assert best({high: 8, low: 7, few: 6}, most_spikes=1) == few


def test_every_maximum_start_and_burst_is_counted_with_its_own_percentile_and_the_projects_way_last():
    one, many = Way("lateral_inhibition", "half", 1, 95.0), Way("lateral_inhibition", "half", 5, 90.0)
    made = list(ways({one: 5, many: 6}))
    assert len({(way.pool, way.start, way.most_spikes) for way in made[:12]}) == 12
    assert {(way.most_spikes, way.percentile) for way in made[:12]} == {(1, 95.0), (5, 90.0)}
    assert [(way.pool, way.percentile, way.zeros, way.per_channel) for way in made[12:]] == [
        ("s_max", 99.0, True, False)
    ] * 2
