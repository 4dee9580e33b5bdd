from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from pydantic import BaseModel, ValidationError

from snnhw.verdict import Spread, Verdict


@dataclass(frozen=True)
class Found:
    value: int | None


@dataclass(frozen=True)
class Report(Verdict):
    mismatches: int = 0
    cycles: Spread | None = None
    divergence: Found | None = None
    problems: tuple[str, ...] = ()
    waveform: Path | None = None


class Filed(BaseModel):
    cycles: Spread


def test_a_report_is_plain_data_in_the_order_of_its_fields_with_the_verdict_last():
    report = Report(2, Spread(1, 2.5, 4), Found(None), ("stuck",), Path("a/b.vcd"))
    assert list(report.to_json().items()) == [
        ("mismatches", 2),
        ("cycles", {"min": 1, "mean": 2.5, "max": 4}),
        ("divergence", {"value": None}),
        ("problems", ["stuck"]),
        ("waveform", "a/b.vcd"),
        ("equal", False),
    ]


@pytest.mark.parametrize(
    ("report", "equal"), [(Report(), True), (Report(mismatches=1), False), (Report(problems=("stuck",)), False)]
)
def test_equal_is_what_neither_differs_nor_went_wrong(report: Report, equal: bool):
    assert report.equal is report.to_json()["equal"] is equal


def test_a_spread_is_exact_or_to_two_decimals_or_of_nothing():
    cycles = np.array([3, 4, 4])
    assert Spread.of(cycles) == Spread(3, 11 / 3, 4)
    assert Spread.rounded(cycles) == Spread(3, 3.67, 4)
    assert Spread.rounded(cycles[:0]) is None


@pytest.mark.parametrize("mean", ["0", "-1", "NaN", "Infinity"])
def test_a_spread_in_a_file_has_a_mean_that_can_divide(mean: str):
    assert Filed.model_validate_json('{"cycles": {"min": 1, "mean": 2.5, "max": 4, "more": 0}}').cycles.mean == 2.5
    with pytest.raises(ValidationError, match=r"cycles\.mean"):
        Filed.model_validate_json(f'{{"cycles": {{"min": 1, "mean": {mean}, "max": 4}}}}')
