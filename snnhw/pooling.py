"""Pools of events: each window of a channel sends at most one event a step.

Its value is the greatest or the sum of the window's values; of a spiking maximum also what came in the steps before
decides.
"""

from __future__ import annotations

import math
from typing import ClassVar, Literal

from snnhw.convolution import Pair, planes
from snnhw.integers import Range, Shape
from snnhw.kinds import register
from snnhw.synapse import Synapse

__all__ = ["MaxPool2d", "Pool2d", "SMaxPool2d", "SumPool2d"]


class Pool2d(Synapse):
    """Windows of ``size`` side by side; rows and columns that fill no window are left out, as torch does."""

    gives_currents: ClassVar[bool] = False
    channelled: ClassVar[bool] = True
    all_steps: ClassVar[bool] = False
    most_event_lanes: ClassVar[int] = 1
    takes_turns: ClassVar[bool] = False

    size: Pair

    def out_shape(self, in_shape: Shape) -> Shape:
        """[channels, height, width]; raises ValueError where not even one window fits."""
        channels, height, width = planes(in_shape, self.kind)
        if self.size[0] > height or self.size[1] > width:
            raise ValueError(f"a pool of {self.size[0]}x{self.size[1]} does not fit an input of {height}x{width}")
        return channels, height // self.size[0], width // self.size[1]

    def fan_in(self, in_shape: Shape) -> int:
        """A window."""
        return math.prod(self.size)

    def fan_out(self, in_shape: Shape) -> int:
        """The window that an event lies in."""
        return 1


class MaxPool2d(Pool2d):
    """The greatest value in each window: of binary spikes, whether there is any."""

    adds_events: ClassVar[bool] = False

    kind: Literal["max_pool2d"] = "max_pool2d"

    def out_values(self, values: Range) -> Range:
        """Those that come in."""
        return values

    @property
    def text(self) -> str:
        """The windows."""
        return f"the greatest of each {self.size[0]}x{self.size[1]} values"


class SumPool2d(Pool2d):
    """The sum of each window: the average but for a division, which the weights after it can take over."""

    kind: Literal["sum_pool2d"] = "sum_pool2d"

    @property
    def adds_up(self) -> bool:
        """Sums do."""
        return True

    def out_values(self, values: Range) -> Range:
        """The greatest is that of as many events as a window has inputs."""
        return Range(lo=0, hi=values.hi * math.prod(self.size))

    @property
    def text(self) -> str:
        """The windows."""
        return f"the sum of each {self.size[0]}x{self.size[1]} values"


class SMaxPool2d(Pool2d):
    """Spiking maximum: of each window, the unit that has sent most in the sample passes.

    The values of each unit are summed over the steps of a sample, those of the present step included. The window sends
    the value of the unit with the greatest sum; where several units have it, the greatest of their values. With
    ``lateral_inhibition`` it sends what the greatest sum has grown by in the step: over a sample, as much as its
    strongest unit.
    """

    remembers: ClassVar[bool] = True
    adds_events: ClassVar[bool] = False

    kind: Literal["s_max_pool2d"] = "s_max_pool2d"
    lateral_inhibition: bool = False

    @property
    def adds_up(self) -> bool:
        """The greatest sum does, a unit that passes when it leads does not."""
        return self.lateral_inhibition

    def out_values(self, values: Range) -> Range:
        """Those that come in: no sum grows by more, and the greatest no faster than the sums."""
        return values

    def kept_values(self, values: Range, in_shape: Shape, num_steps: int) -> Range:
        """The sums: the greatest is that of the greatest value in each step."""
        return Range(lo=0, hi=values.hi * num_steps)

    @property
    def text(self) -> str:
        """The windows, and which of the two rules."""
        rule = "what the greatest sum has grown by" if self.lateral_inhibition else "the one that has sent most"
        return f"of each {self.size[0]}x{self.size[1]} units {rule}"


register(
    MaxPool2d,
    golden="golden.pooling:MaxPool",
    gateware="gateware.pooling:MaxPool",
    timing="snnhw.timing_convolution:Pool",
    training="snnhw.train.convolution:max_pool2d",
)
register(
    SumPool2d,
    golden="golden.pooling:SumPool",
    gateware="gateware.pooling:SumPool",
    timing="snnhw.timing_convolution:Pool",
    training="snnhw.train.convolution:sum_pool2d",
)
register(
    SMaxPool2d,
    golden="golden.pooling:SMaxPool",
    gateware="gateware.pooling:SMaxPool",
    timing="snnhw.timing_convolution:Pool",
    training="snnhw.train.convolution:s_max_pool2d",
)
