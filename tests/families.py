"""Families of tests: the members that always run, and those that `make long` runs beside them."""

from collections.abc import Collection, Iterable
from typing import Any

import pytest


def family(members: Iterable[Any], always: Collection[Any]) -> list[Any]:
    """Parameters of a test, of which those that are not in ``always`` are long."""
    listed = list(members)
    assert set(always) < set(listed), "there is something to leave out, and something left"
    return [pytest.param(member, marks=() if member in always else pytest.mark.long) for member in listed]
