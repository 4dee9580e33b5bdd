"""What was given is quoted at a bounded length, and a mistyped name is answered with the one that was meant."""

import ast
from pathlib import Path

import numpy as np
import pytest

from snnhw.wording import LONGEST, did_you_mean, no_such, one_of, quoted

ROOT = Path(__file__).parents[2]


def test_a_short_value_is_quoted_whole():
    assert quoted("a") == "'a'"
    assert quoted([1, 2]) == "[1, 2]"


def test_a_long_value_keeps_its_begin_and_its_end():
    text = quoted("begin" + "x" * 1000 + "end")
    assert text.startswith("'beginxx")
    assert text.endswith("xend'")
    assert " ... " in text
    assert LONGEST - 1 <= len(text) <= LONGEST


def test_a_quoted_value_stands_on_one_line():
    assert "\n" not in quoted(np.zeros((3, 3)))


def test_a_mistyped_name_is_answered_with_the_nearest():
    assert did_you_mean("hiden", ["hidden", "output"]) == " (did you mean 'hidden'?)"
    assert did_you_mean("Fast", ["fast", "tiny"]) == " (did you mean 'fast'?)"
    assert did_you_mean("x" * 100_000, ["fast", "tiny"]) == ""
    assert did_you_mean("pixels", ["lanes", "pixels_per_beat"]) == " (did you mean 'pixels_per_beat'?)"
    assert did_you_mean(7, ["fast"]) == ""


def test_a_refusal_of_a_name_lists_those_there_are():
    known = ("fast", "tiny")
    assert no_such("point", "fats", known) == "there is no point 'fats' (did you mean 'fast'?); there are fast, tiny"
    assert no_such("point", "large", known) == "there is no point 'large'; there are fast, tiny"
    assert no_such("point", "large", ()) == "there is no point 'large'; there are none"
    assert one_of("--point", "fats", known) == ("--point must be one of fast, tiny, not 'fats' (did you mean 'fast'?)")


SOURCES = sorted(path for package in ("snnhw", "golden", "gateware") for path in (ROOT / package).rglob("*.py"))


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_what_was_given_is_quoted_by_the_one_function_for_it(path: Path):
    parts = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FormattedValue)]
    assert not [node.lineno for node in parts if node.conversion == ord("r")]
