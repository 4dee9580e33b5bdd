"""Kinds of layers, encoders, readouts and losses: what each is called, and where its twins are.

A kind is a class of the description, with a name. :func:`register` puts it into the one table, together with its
twins: what computes it in golden, in the circuit, in the prediction of cycles and in training. Whoever reads a
description finds the class there by the name, and whoever computes it finds the twin there by the class; nothing else
in the project asks which kind it has before it. ``docs/extending.md`` shows how one is added.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict, PlainValidator, model_validator

from snnhw.wording import no_such, one_of, quoted, shown

__all__ = ["Frozen", "Kind", "by_kind", "kinds_of", "of_kind", "plain", "register", "twin"]


def plain(value: Any) -> Any:
    """A number or array of a numeric library as Python's own numbers; anything else as it is."""
    return value.tolist() if hasattr(value, "dtype") and hasattr(value, "tolist") else value


_BRIEF = 80
"""Number of characters of a part's fields, at most, before the longest parts in it are shown by their names alone."""


class Frozen(BaseModel):
    """A part of a description: validated, frozen and hashable.

    Numbers of numeric libraries are taken as Python's own, and a word in the place of a part that has a ``kind`` is
    that kind with its defaults. A key that there is not is refused with the one that was probably meant.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)

    @model_validator(mode="before")
    @classmethod
    def _as_given(cls, given: Any) -> Any:
        if isinstance(given, str) and "kind" in cls.model_fields:
            return {"kind": given}
        if not isinstance(given, Mapping):
            return given
        for name in given:
            if name not in cls.model_fields:
                raise ValueError(no_such("key", name, cls.model_fields))
        return {name: _numbers(value) for name, value in given.items()}

    def __repr_args__(self) -> list[tuple[str | None, Any]]:
        """What is not as it is unless told, by name."""
        return [
            (name, getattr(self, name))
            for name, field in type(self).model_fields.items()
            if name in vars(self) and (field.is_required() or getattr(self, name) != field.default)
        ]

    def __repr__(self) -> str:
        parts = {f"{name}={{}}": repr(value) for name, value in self.__repr_args__()}
        for form in sorted(parts, key=lambda form: len(parts[form]), reverse=True):
            if sum(len(form) + len(value) for form, value in parts.items()) > _BRIEF and "(" in parts[form]:
                parts[form] = f"{parts[form].partition('(')[0]}(...)"
        return shown(self, *(form.format(value) for form, value in parts.items()))

    def __str__(self) -> str:
        return repr(self)


def _numbers(value: Any) -> Any:
    return type(value)(map(plain, value)) if type(value) in (list, tuple) else plain(value)


class Kind(Frozen):
    """A part of which there are several kinds, told apart by the field ``kind``, a Literal with a default.

    A family of kinds is a direct subclass, which says in ``TWINS`` what each of its kinds needs.
    """

    TWINS: ClassVar[tuple[str, ...]] = ()
    """Of ``golden``, ``gateware``, ``timing`` and ``training`` those that a kind of this family has."""
    USUAL: ClassVar[str | None] = None
    """The kind of a family that is meant where none is said."""

    kind: str

    @classmethod
    def name(cls) -> str:
        """What ``kind`` is in this class."""
        return str(cls.model_fields["kind"].default)


Twin = str | Callable[..., Any]
"""A class or function, or ``"module:name"`` of one, which is imported when somebody asks for it."""

_TABLE: dict[type[Kind], dict[str, Twin]] = {}

F = TypeVar("F", bound=Kind)
K = TypeVar("K", bound=type[Kind])


def register(kind: K, **twins: Twin) -> K:
    """Put a kind and its twins into the table; returns the kind.

    Raises ValueError where its name is taken in its family, or where it has not exactly the family's twins.
    """
    family = _family(kind)
    if kinds_of(family).get(kind.name(), kind) is not kind:
        raise ValueError(f"there is a kind '{kind.name()}' of {family.__name__} already")
    if set(twins) != set(family.TWINS):
        raise ValueError(f"{kind.__name__} needs these twins: {', '.join(family.TWINS)}, not {', '.join(twins)}")
    _TABLE[kind] = dict(twins)
    return kind


def kinds_of(family: type[F]) -> dict[str, type[F]]:
    """The kinds of a family by their names, in the order in which they were registered."""
    return {kind.name(): kind for kind in _TABLE if issubclass(kind, family)}


def twin(part: Kind, package: str) -> Any:
    """The twin of what a description has, for ``golden``, ``gateware``, ``timing`` or ``training``."""
    found = _TABLE[type(part)][package]
    if isinstance(found, str):
        module, _, name = found.partition(":")
        found = _TABLE[type(part)][package] = getattr(import_module(module), name)
    return found


def _family(kind: type[Kind]) -> type[Kind]:
    return next(base for base in reversed(kind.__mro__) if issubclass(base, Kind) and base is not Kind)


def by_kind(family: type[Kind]) -> PlainValidator:
    """How a field of any registered kind of a family is validated, see :func:`of_kind`."""
    return PlainValidator(lambda value: of_kind(family, value))


def of_kind(family: type[F], value: Any) -> F:
    """A part of any registered kind of a family: as it is, from a table with its name, or from the name alone.

    The name alone is the kind with its defaults. Raises ValueError, also pydantic's.
    """
    if isinstance(value, family):
        return value
    known = kinds_of(family)
    if isinstance(value, str):
        value = {"kind": value}
    if not isinstance(value, Mapping):
        there_are = f"kind must be one of {', '.join(known)}"
        raise ValueError(f"must be a kind or a table with one, not {quoted(value)}; {there_are}")
    if (name := value.get("kind", family.USUAL)) is None:
        raise ValueError(f"has no kind; kind must be one of {', '.join(known)}")
    if not isinstance(name, str) or name not in known:
        raise ValueError(one_of("kind", name, known))
    return known[name].model_validate(value)
