"""How samples become events: the family of encoders."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, model_validator

from snnhw.integers import Integer, Range, Shape
from snnhw.kinds import Kind, register

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["AddressEvents", "Bernoulli", "Direct", "Encoder", "Events", "IntegrateFire", "Latency", "Rate"]


class Encoder(Kind):
    """How samples become events."""

    TWINS: ClassVar[tuple[str, ...]] = ("golden", "gateware", "timing")

    once: ClassVar[bool] = False
    """Whether the events are the same at every step, and are sent once."""
    takes_events: ClassVar[bool] = False
    """Whether a sample is events already, [num_steps, *input_shape], not pixels."""
    carries_values: ClassVar[bool] = True
    """Whether an event that comes in has a value; without, each counts one."""
    counts: ClassVar[tuple[str, ...]] = ()
    """What its circuit counts of the events that come in, by name: numbers of 32 bits from the last reset on."""

    @property
    def value_bits(self) -> int:
        """Width of the values of its events."""
        return 1

    @property
    def value_range(self) -> Range:
        """The values of its events, 0 (no event) included."""
        return Range.of_bits(self.value_bits, signed=False)

    @property
    def unit(self) -> float:
        """What a value of 1 stands for, where white, or a spike, is 1."""
        return 1.0

    @property
    def pixel_bits(self) -> int:
        """The highest bits of a pixel that it looks at."""
        return 8

    @property
    def sample_range(self) -> Range:
        """What a sample's numbers can be."""
        return self.value_range if self.takes_events else Range.of_bits(8, signed=False)

    @property
    def repeats(self) -> bool:
        """Whether it sends several events of an input in a step, which add up to the input's value."""
        return not self.carries_values and self.value_range.hi > 1

    def times(self, values: NDArray[np.generic]) -> NDArray[np.generic]:
        """How many events each value is sent as."""
        return values if self.repeats else values != 0

    def places(self, input_shape: Shape) -> dict[str, int]:
        """How an event that comes in names its input: fields, and how many numbers each has, the fastest one first."""
        return {"address": math.prod(input_shape)}

    @property
    def text(self) -> str:
        """What it does, in words."""
        raise NotImplementedError


class Direct(Encoder):
    """Pixels as graded events, once: ``x >> (8 - bits)``. The first layer applies their sum at every step."""

    once: ClassVar[bool] = True

    kind: Literal["direct"] = "direct"
    bits: Integer = Field(default=8, ge=1, le=8)

    @property
    def value_bits(self) -> int:
        """Width of the values of its events."""
        return self.bits

    @property
    def unit(self) -> float:
        """The greatest value stands for white."""
        return 1 / self.value_range.hi

    @property
    def pixel_bits(self) -> int:
        """Those that stay."""
        return self.bits

    @property
    def text(self) -> str:
        """What it does, in words."""
        return f"direct: x >> {8 - self.bits}, once; the first layer applies its sum at every step"


class IntegrateFire(Encoder):
    """acc += x; fires and loses 256 where acc >= 256; acc starts at 128, so that rounding is to nearest."""

    FIRE_AT: ClassVar = 256
    START: ClassVar = FIRE_AT // 2

    kind: Literal["integrate_fire"] = "integrate_fire"

    @property
    def text(self) -> str:
        """What it does, in words."""
        fire_at = self.FIRE_AT
        return f"integrate_fire: acc += x, fires at {fire_at}, subtracts {fire_at}, starts at {self.START}"


class Bernoulli(Encoder):
    """Fires with probability x/256: iff the low byte of a 32-bit Galois LFSR (mask 0x80000057) is below x."""

    kind: Literal["bernoulli"] = "bernoulli"
    seed: Integer = Field(default=1, ge=1, le=(1 << 32) - 1)

    @property
    def text(self) -> str:
        """What it does, in words."""
        return f"bernoulli: fires iff the low byte of a 32-bit LFSR is below x, seed {self.seed}"


class Rate(Encoder):
    """Fires iff x > threshold and ``t % period == phase``."""

    kind: Literal["rate"] = "rate"
    threshold: Integer = Field(default=127, ge=0, le=255)
    period: Integer = Field(default=1, ge=1, le=1 << 12)
    phase: Integer = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _in_period(self) -> Rate:
        if self.phase >= self.period:
            raise ValueError(f"phase must be below the period {self.period}, not {self.phase}")
        return self

    @property
    def text(self) -> str:
        """What it does, in words."""
        return f"rate: fires iff x > {self.threshold} and t % {self.period} == {self.phase}"


class Latency(Encoder):
    """Fires once, at step ``((255 - x) * num_steps) >> 8``; x = 0 never fires."""

    kind: Literal["latency"] = "latency"

    @property
    def text(self) -> str:
        """What it does, in words."""
        return "latency: fires at step ((255 - x) * steps) >> 8, never for 0"


class Events(Encoder):
    """The input is spikes already: values [num_steps, *input_shape] of ``bits`` bits."""

    takes_events: ClassVar[bool] = True

    kind: Literal["events"] = "events"
    bits: Integer = Field(default=1, ge=1, le=8)

    @property
    def value_bits(self) -> int:
        """Width of the values of its events."""
        return self.bits

    @property
    def text(self) -> str:
        """What it does, in words."""
        return f"events: values of {self.bits} bits, step by step"


class AddressEvents(Encoder):
    """The input is a camera's events, of x, y and polarity, cut into a bin for each step; an input's value is a count.

    Samples hold the counts, uint8 [num_steps, *input_shape], at most ``2**bits - 1``; with 1 bit an input counts once a
    bin. What comes beyond that is dropped and counted. Several events of an input are passed on as they come.
    """

    FIELDS: ClassVar = ("x", "y", "polarity")

    takes_events: ClassVar[bool] = True
    carries_values: ClassVar[bool] = False
    counts: ClassVar[tuple[str, ...]] = ("doubles", "outside")

    kind: Literal["address_events"] = "address_events"
    bits: Integer = Field(default=1, ge=1, le=8)

    @property
    def value_bits(self) -> int:
        """Width of the counts."""
        return self.bits

    def places(self, input_shape: Shape) -> dict[str, int]:
        """x, y and polarity, as many of them as the input has dimensions, the last of which is x."""
        return dict(zip(self.FIELDS, reversed(input_shape), strict=False))

    @property
    def text(self) -> str:
        """What it does, in words."""
        return f"address_events: events of each input in a bin, at most {self.value_range.hi}; a bin is a step"


register(
    Direct,
    golden="golden.encoder:direct",
    gateware="gateware.encoder:Quantise",
    timing="snnhw.timing:DirectEncoder",
)
register(
    IntegrateFire,
    golden="golden.encoder:integrate_fire",
    gateware="gateware.encoder:IntegrateFireRule",
    timing="snnhw.timing:FrameEncoder",
)
register(
    Bernoulli,
    golden="golden.encoder:bernoulli",
    gateware="gateware.encoder:BernoulliRule",
    timing="snnhw.timing:FrameEncoder",
)
register(
    Rate,
    golden="golden.encoder:rate",
    gateware="gateware.encoder:RateRule",
    timing="snnhw.timing:FrameEncoder",
)
register(
    Latency,
    golden="golden.encoder:latency",
    gateware="gateware.encoder:LatencyRule",
    timing="snnhw.timing:FrameEncoder",
)
register(
    Events,
    golden="golden.encoder:events",
    gateware="gateware.encoder:StepCounter",
    timing="snnhw.timing:EventsEncoder",
)
register(
    AddressEvents,
    golden="golden.encoder:address_events",
    gateware="gateware.encoder:EventBins",
    timing="snnhw.timing:BinsEncoder",
)
