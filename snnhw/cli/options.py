"""Options that commands share: a dataclass in the place of a parameter for each.

typer makes an option of every parameter in a command's signature. Options that belong together are the fields of a
frozen dataclass, annotated as parameters are, and a command takes one parameter of that class. What typer gets to see
is the :func:`flat` signature, where the fields stand in the place of the dataclass; :func:`call` puts their values
together again.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, get_type_hints

__all__ = ["call", "flat"]


def flat(function: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """The parameters of a function by name, by keyword alone, with the fields of a dataclass in the place of it."""
    found: dict[str, inspect.Parameter] = {}
    for parameter in inspect.signature(function, eval_str=True).parameters.values():
        inner = _inside(parameter.annotation) or {parameter.name: parameter}
        found |= {name: field.replace(kind=inspect.Parameter.KEYWORD_ONLY) for name, field in inner.items()}
    return found


def call(function: Callable[..., None], values: Mapping[str, Any]) -> None:
    """Call a function with the values of its flat parameters; those of no parameter are passed over."""
    arguments = {}
    for name, parameter in inspect.signature(function, eval_str=True).parameters.items():
        inner = _inside(parameter.annotation)
        if inner is not None:
            arguments[name] = parameter.annotation(**{field: values[field] for field in inner})
        else:
            arguments[name] = values[name]
    function(**arguments)


def _inside(annotation: Any) -> dict[str, inspect.Parameter] | None:
    """The fields of a dataclass as parameters; None for another annotation."""
    if not is_dataclass(annotation):
        return None
    hints = get_type_hints(annotation, include_extras=True)
    return {
        field.name: inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if field.default is MISSING else field.default,
            annotation=hints[field.name],
        )
        for field in fields(annotation)
    }
