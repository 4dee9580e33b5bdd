"""How functions of the compiled models are compiled: by numba, at their first call, and kept for the next process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

__all__ = ["compiled"]

Function = TypeVar("Function", bound=Callable[..., Any])

_OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy"}  # nothing divides by 0


def compiled(function: Function) -> Function:
    """The function, compiled at its first call and kept beside the module, or in the user's cache."""
    try:
        made: Any = numba.njit(cache=True, **_OPTIONS)(function)
    except RuntimeError:  # there is nowhere to keep it
        made = numba.njit(**_OPTIONS)(function)
    return cast(Function, made)
