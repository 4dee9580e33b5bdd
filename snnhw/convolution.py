"""Two-dimensional convolutions: currents of the neurons of each output channel, from a window of the input."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field

from snnhw.integers import Integer, Range, Shape
from snnhw.kinds import register
from snnhw.synapse import Synapse

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Integers = NDArray[np.int64]

__all__ = ["Conv2d", "Pair", "planes"]


def _both(value: Any) -> Any:
    return (value, value) if isinstance(value, int) else value


Size = Annotated[Integer, Field(ge=1, le=1 << 12)]
Pair = Annotated[tuple[Size, Size], BeforeValidator(_both)]
"""Height and width; one number is both."""
Padding = Annotated[tuple[Annotated[Integer, Field(ge=0, le=1 << 12)], ...], BeforeValidator(_both)]


def planes(shape: Shape, what: str) -> tuple[int, int, int]:
    """Channels, height and width of an input; one of two dimensions is of one channel.

    Raises ValueError for another number of dimensions; ``what`` is what takes the input, in words.
    """
    if len(shape) == 2:
        return 1, shape[0], shape[1]
    if len(shape) != 3:
        raise ValueError(f"{what} needs an input of channels, height and width, not of shape {list(shape)}")
    return shape[0], shape[1], shape[2]


class Conv2d(Synapse):
    """Weights [channels, in_channels, kernel height, kernel width] that every position of the output shares.

    The current of channel c at (y, x) is the sum of ``weight[c, k, i, j] * value[k, y * sy + i - py, x * sx + j - px]``
    over all k, i and j for which that input exists (stride s, padding p): a correlation, as in torch.nn.Conv2d.
    With ``max_pool`` neurons stand at windows of that size, side by side, and get the greatest current of their
    window; rows and columns that fill no window are left out.
    """

    channelled: ClassVar[bool] = True
    all_steps: ClassVar[bool] = False

    kind: Literal["conv2d"] = "conv2d"
    channels: Integer = Field(ge=1, le=1 << 12)
    kernel: Pair
    stride: Pair = (1, 1)
    padding: Annotated[Padding, Field(min_length=2, max_length=2)] = (0, 0)
    weight_bits: Integer = Field(ge=1, le=16)
    max_pool: Pair = (1, 1)

    @property
    def weight_range(self) -> Range:
        """[-2**(bits-1), 2**(bits-1) - 1]."""
        return Range.of_bits(self.weight_bits, signed=True)

    @property
    def adds_up(self) -> bool:
        """Sums do, a maximum over windows of them does not."""
        return self.max_pool == (1, 1)

    @property
    def visits(self) -> tuple[Literal["events", "windows"], ...]:
        """Events, and without a pool over currents windows too."""
        return ("events", "windows") if self.max_pool == (1, 1) else ("events",)

    def convolved(self, in_shape: Shape) -> tuple[int, int]:
        """Height and width before the pool; raises ValueError for an input that the kernel does not fit."""
        _, *sides = planes(in_shape, "conv2d")
        padded = [side + 2 * pad for side, pad in zip(sides, self.padding, strict=True)]
        if any(size > side for size, side in zip(self.kernel, padded, strict=True)):
            raise ValueError(
                f"a kernel of {_size(self.kernel)} is larger than the input of {_size(sides)} with padding "
                f"{_size(self.padding)}"
            )
        moves = zip(padded, self.kernel, self.stride, strict=True)
        height, width = ((side - size) // step + 1 for side, size, step in moves)
        return height, width

    def out_shape(self, in_shape: Shape) -> Shape:
        """[channels, height, width]."""
        height, width = self.convolved(in_shape)
        if self.max_pool[0] > height or self.max_pool[1] > width:
            raise ValueError(f"a pool of {_size(self.max_pool)} does not fit {_size((height, width))} positions")
        return self.channels, height // self.max_pool[0], width // self.max_pool[1]

    def tensor_shapes(self, in_shape: Shape) -> dict[str, Shape]:
        """The weights, [channels, in_channels, kernel height, kernel width]."""
        return {"weight": (self.channels, planes(in_shape, "conv2d")[0], *self.kernel)}

    @property
    def tensor_ranges(self) -> dict[str, Range]:
        """The weights'."""
        return {"weight": self.weight_range}

    def read_weights(self, tensors: Mapping[str, Integers], in_shape: Shape) -> Integers | None:
        """Those of taps that lie on the input at some position."""
        weight = tensors["weight"]
        sides = (planes(in_shape, "conv2d")[1:], self.convolved(in_shape), self.kernel, self.stride, self.padding)
        for axis, (size, positions, kernel, stride, padding) in enumerate(zip(*sides, strict=True), start=2):
            starts = [position * stride - padding for position in range(positions)]
            taps = [tap for tap in range(kernel) if any(0 <= start + tap < size for start in starts)]
            weight = weight.take(taps, axis=axis)
        return weight

    def fan_in(self, in_shape: Shape) -> int:
        """A window of all input channels, each position of a pool's window counted by itself."""
        return math.prod(self.tensor_shapes(in_shape)["weight"][1:])

    def fan_out(self, in_shape: Shape) -> int:
        """The positions that a kernel reaches, in every channel."""
        return self.channels * math.prod(self.reach(in_shape))

    def fan_outs(self, in_shape: Shape) -> Integers:
        """Of the positions that a kernel reaches those that exist, and that a pool looks at."""
        import numpy as np

        rows, columns = (count * pool for count, pool in zip(self.out_shape(in_shape)[1:], self.max_pool, strict=True))
        return self.channels * self._by_input(in_shape, np.outer(*self._reached(in_shape, (rows, columns))))

    def _reached(self, in_shape: Shape, positions: tuple[int, int]) -> list[Integers]:
        """How many of so many rows of positions an event of each row of the input reaches, and of columns."""
        import numpy as np

        counts = []
        for axis, (side, count) in enumerate(zip(in_shape[-2:], positions, strict=True)):
            taps = np.arange(side)[:, None] + self.padding[axis] - np.arange(count) * self.stride[axis]
            counts.append(((taps >= 0) & (taps < self.kernel[axis])).sum(axis=1))
        return counts

    def _by_input(self, in_shape: Shape, of_places: Integers) -> Integers:
        """Numbers [inputs] from those of each row and column, which all channels share."""
        import numpy as np

        return np.tile(of_places.ravel(), planes(in_shape, "conv2d")[0])

    def reach(self, in_shape: Shape) -> tuple[int, int]:
        """The most rows and columns of positions that an event reaches."""
        sides = zip(self.kernel, self.stride, self.convolved(in_shape), strict=True)
        rows, columns = (min(-(-size // step), side) for size, step, side in sides)
        return rows, columns

    def event_lanes(self, in_shape: Shape, visits: Literal["events", "windows"], before: Synapse | None) -> int:
        """Two where even and odd addresses are columns that windows keep apart, or channels of one position.

        The latter they are of a layer with several channels and several positions.
        """
        channels, *sides = planes(in_shape, "conv2d")
        if visits == "events":
            return 2 if before is not None and before.channelled and channels > 1 and math.prod(sides) > 1 else 1
        apart = before is None and self.stride[1] % 2 == 0 and in_shape[-1] % 2 == 0
        return 2 if apart and min(self.stride[1], self.kernel[1]) > 1 else 1

    def position_lanes(self, in_shape: Shape) -> tuple[int, ...]:
        """All positions that an event can reach, those of a row of them, or one."""
        rows, columns = self.reach(in_shape)
        return tuple(dict.fromkeys((rows * columns, columns, 1)))

    def event_passes(self, in_shape: Shape, lanes: int) -> Integers:
        """One with as many lanes as positions can be reached; the rows reached with a row of lanes; else the positions.

        An event that reaches none takes a cycle too.
        """
        import numpy as np

        rows, columns = self._reached(in_shape, self.convolved(in_shape))
        reach = self.reach(in_shape)
        if lanes == math.prod(reach):
            rows, columns = np.ones_like(rows), np.ones_like(columns)
        elif lanes == reach[1]:
            columns = (columns > 0).astype(np.int64)
        return self._by_input(in_shape, np.outer(rows, columns).clip(min=1))

    def current_bounds(
        self, tensors: Mapping[str, Integers], values: Range, in_shape: Shape
    ) -> tuple[Integers, Integers]:
        """The sums of a channel's negative and of its positive weights, times the greatest value."""
        weight, positions = tensors["weight"], math.prod(self.out_shape(in_shape)[1:])
        low, high = (part.sum(axis=(1, 2, 3)) * values.hi for part in (weight.clip(max=0), weight.clip(min=0)))
        return low.repeat(positions), high.repeat(positions)

    def largest_sums(self, tensors: Mapping[str, Integers], values: Range, in_shape: Shape) -> Integers:
        """The sum of a channel's magnitudes, times the greatest value."""
        low, high = self.current_bounds(tensors, values, in_shape)
        return high - low

    @property
    def text(self) -> str:
        """Kernel, stride, padding and pool where they are not the usual ones, and the weights' bits."""
        parts = [f"convolution of {_size(self.kernel)}"]
        parts += [f"stride {_size(self.stride)}"] if self.stride != (1, 1) else []
        parts += [f"padding {_size(self.padding)}"] if self.padding != (0, 0) else []
        parts += [f"weights of {self.weight_bits} bits"]
        parts += [f"the greatest of each {_size(self.max_pool)} currents"] if self.max_pool != (1, 1) else []
        return ", ".join(parts)


def _size(pair: Any) -> str:
    return "x".join(str(size) for size in pair)


register(
    Conv2d,
    golden="golden.convolution:Convolution",
    gateware="gateware.convolution:Convolution",
    timing="snnhw.timing_convolution:conv2d",
    training="snnhw.train.convolution:conv2d",
)
