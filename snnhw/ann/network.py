"""The description of an artificial network: what a module of torch is built from, and what its file says."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import Field, ValidationError, model_validator

from snnhw.convolution import Padding, Pair, planes
from snnhw.errors import DescriptionError
from snnhw.integers import Integer, Shape
from snnhw.kinds import Frozen
from snnhw.network import first_complaint

__all__ = ["Ann", "parse_ann"]


class Convolution(Frozen):
    """Weights [channels, in_channels, height, width] and biases [channels]."""

    kind: Literal["conv2d"] = "conv2d"
    channels: Integer = Field(ge=1, le=1 << 12)
    kernel: Pair
    padding: Annotated[Padding, Field(min_length=2, max_length=2)] = (0, 0)


class Linear(Frozen):
    """Weights [units, inputs] and biases [units]."""

    kind: Literal["linear"] = "linear"
    units: Integer = Field(ge=1, le=1 << 16)


class BatchNorm(Frozen):
    """Normalises each channel of what weights give."""

    kind: Literal["batch_norm"] = "batch_norm"


class Relu(Frozen):
    """Clips at 0."""

    kind: Literal["relu"] = "relu"


class MaxPool(Frozen):
    """The greatest of each window, windows side by side."""

    kind: Literal["max_pool2d"] = "max_pool2d"
    size: Pair


class Flatten(Frozen):
    """Lays channels, rows and columns in a row."""

    kind: Literal["flatten"] = "flatten"


Part = Annotated[Convolution | Linear | BatchNorm | Relu | MaxPool | Flatten, Field(discriminator="kind")]


class Ann(Frozen):
    """A chain of parts, for images [height, width] or [channels, height, width] of which white is 1.

    The last part gives the classes. Part i is module i of a ``torch.nn.Sequential``, whose names of tensors are used.
    """

    input_shape: Annotated[tuple[Annotated[Integer, Field(ge=1)], ...], Field(min_length=2, max_length=3)]
    parts: Annotated[tuple[Part, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _fits_together(self) -> Ann:
        if not isinstance(self.parts[-1], Linear):
            raise ValueError(f"the last part must be 'linear', not '{self.parts[-1].kind}'")
        _ = self.shapes
        return self

    @property
    def shapes(self) -> tuple[Shape, ...]:
        """What goes into each part, and what comes out of the last; raises ValueError where a part cannot take it."""
        found: list[Shape] = [planes(self.input_shape, "an artificial network")]
        for number, part in enumerate(self.parts):
            try:
                found.append(_after(part, found[-1]))
            except ValueError as error:
                raise ValueError(f"part {number} ({part.kind}): {error}") from error
        return tuple(found)

    @property
    def classes(self) -> int:
        """The number of outputs."""
        return self.shapes[-1][0]

    @property
    def tensor_shapes(self) -> dict[str, Shape]:
        """The names and shapes of weights, biases and statistics."""
        found: dict[str, Shape] = {}
        for number, (part, shape) in enumerate(zip(self.parts, self.shapes, strict=False)):
            own: dict[str, Shape] = {}
            if isinstance(part, Convolution):
                own = {"weight": (part.channels, shape[0], *part.kernel), "bias": (part.channels,)}
            elif isinstance(part, Linear):
                own = {"weight": (part.units, *shape), "bias": (part.units,)}
            elif isinstance(part, BatchNorm):
                own = dict.fromkeys(("weight", "bias", "running_mean", "running_var"), shape[:1])
            found |= {f"{number}.{name}": value for name, value in own.items()}
        return found


def _after(part: Part, shape: Shape) -> Shape:
    """The shape of what a part makes of an input."""
    if isinstance(part, Linear):
        if len(shape) != 1:
            raise ValueError("a 'flatten' must come before it")
        return (part.units,)
    if isinstance(part, Flatten):
        return (math.prod(shape),)
    if isinstance(part, Convolution):
        return part.channels, *_moves(shape, part.kernel, (1, 1), part.padding)
    if isinstance(part, MaxPool):
        return shape[0], *_moves(shape, part.size, part.size, (0, 0))
    return shape


def _moves(shape: Shape, size: tuple[int, ...], stride: tuple[int, ...], padding: tuple[int, ...]) -> tuple[int, ...]:
    """How often a window of ``size`` stands in rows and columns."""
    if len(shape) != 3:
        raise ValueError("it needs rows and columns, which a 'flatten' has taken away")
    padded = tuple(side + 2 * more for side, more in zip(shape[1:], padding, strict=True))
    if any(window > side for window, side in zip(size, padded, strict=True)):
        raise ValueError(f"a window of {size[0]}x{size[1]} does not fit {padded[0]}x{padded[1]}")
    return tuple((side - window) // step + 1 for side, window, step in zip(padded, size, stride, strict=True))


def parse_ann(document: object) -> Ann:
    """The description in plain data; raises DescriptionError, one line that names the field."""
    try:
        return Ann.model_validate(document)
    except ValidationError as error:
        raise DescriptionError(first_complaint(error)) from error
