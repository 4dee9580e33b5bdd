"""The integers of a description: their types, their ranges."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from snnhw.kinds import Frozen

__all__ = ["INT32", "PER_CHANNEL", "PER_NEURON", "Integer", "Name", "Parameter", "Range", "Shape", "parameter_text"]

Shape = tuple[int, ...]
"""Sizes, as those of an array."""


def _no_boolean(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError(f"must be an integer, not {str(value).lower()}")
    return value


Integer = Annotated[int, BeforeValidator(_no_boolean)]
"""An integer; a boolean, which Python takes for one, is refused."""

PER_NEURON = "per_neuron"
PER_CHANNEL = "per_channel"
Parameter = Annotated[int | Literal["per_neuron", "per_channel"], BeforeValidator(_no_boolean)]
"""An integer of the whole layer, or ``"per_neuron"``: then the model holds a tensor of that name, shape [units].

``"per_channel"`` is the same of a layer that has channels, shape [channels]: their neurons share it."""

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=32)]


def parameter_text(value: Parameter | None) -> str:
    """A parameter in words."""
    return {PER_NEURON: "a value per neuron", PER_CHANNEL: "a value per channel"}.get(str(value), str(value))


class Range(Frozen):
    """The integers from ``lo`` to ``hi``, both included; interval arithmetic gives widths and signedness."""

    lo: Integer
    hi: Integer

    @model_validator(mode="after")
    def _ordered(self) -> Range:
        if self.lo > self.hi:
            raise ValueError(f"a range must have lo <= hi, not lo={self.lo}, hi={self.hi}")
        return self

    @classmethod
    def of_bits(cls, bits: int, *, signed: bool) -> Range:
        """All integers of ``bits`` bits, two's complement where ``signed``."""
        return cls(lo=-(1 << (bits - 1)), hi=(1 << (bits - 1)) - 1) if signed else cls(lo=0, hi=(1 << bits) - 1)

    @property
    def signed(self) -> bool:
        """Whether a negative number is in it."""
        return self.lo < 0

    @property
    def width(self) -> int:
        """The least number of bits that holds every member (two's complement where signed); at least 1."""
        bits = max(
            (~self.lo if self.lo < 0 else self.lo).bit_length(), (~self.hi if self.hi < 0 else self.hi).bit_length()
        )
        return max(1, bits + self.signed)

    def __contains__(self, value: int) -> bool:
        return self.lo <= value <= self.hi

    def __or__(self, other: Range) -> Range:
        return Range(lo=min(self.lo, other.lo), hi=max(self.hi, other.hi))


INT32 = Range.of_bits(32, signed=True)
"""Where all parameters and tensors lie."""
