"""What a layer makes of the events that reach it: the family of synapses, and the dense ones."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from snnhw.integers import Integer, Range, Shape
from snnhw.kinds import Kind, register

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Integers = NDArray[np.int64]

__all__ = ["Dense", "Synapse"]


class Synapse(Kind):
    """What a layer makes of the events that reach it: currents, which go to its neurons, or events.

    Shapes are those of one step without the batch; tensors are by their names within the layer.
    """

    TWINS: ClassVar[tuple[str, ...]] = ("golden", "gateware", "timing", "training")
    USUAL: ClassVar[str | None] = "dense"

    gives_currents: ClassVar[bool] = True
    """Whether currents come out, which ask for neurons and take a bias; events that come out ask for none."""
    channelled: ClassVar[bool] = False
    """Whether the first dimension of what goes out is channels, which share a bias each."""
    all_steps: ClassVar[bool] = True
    """Whether its circuit can take the values of all time steps at once, neuron by neuron."""
    most_event_lanes: ClassVar[int] = 2
    """The most events that its circuit can take a cycle."""
    remembers: ClassVar[bool] = False
    """Whether what it gives depends on what came in earlier steps."""
    loadable: ClassVar[bool] = True
    """Whether its circuit can have weights that are loaded while it runs."""
    takes_turns: ClassVar[bool] = True
    """Whether it can have fewer synapse lanes than neurons, or channels, which then take turns."""

    adds_events: ClassVar[bool] = True
    """Whether several events of an input in a step are to it as one of their sum, where it goes over events."""

    @property
    def adds_up(self) -> bool:
        """Whether what it gives in all steps together depends on what came in all of them together alone."""
        return False

    @property
    def visits(self) -> tuple[Literal["events", "windows"], ...]:
        """What its circuit can go over."""
        return ("events",)

    def out_shape(self, in_shape: Shape) -> Shape:
        """The shape of what goes out; raises ValueError for a shape that it cannot take."""
        raise NotImplementedError

    def out_values(self, values: Range) -> Range:
        """The values of the events that go out, 0 included, where events do."""
        raise NotImplementedError

    def kept_values(self, values: Range, in_shape: Shape, num_steps: int) -> Range:
        """The numbers that are kept from step to step over a sample of so many; 0 alone where none are."""
        return Range(lo=0, hi=0)

    def starts(self, in_shape: Shape) -> dict[str, float]:
        """The tensors that do not start training at random, and what all of their numbers start at."""
        return {}

    def check_circuit(self, in_shape: Shape) -> None:
        """Raise ValueError, which says why and what to do, where there is no circuit of it."""

    def tensor_shapes(self, in_shape: Shape) -> dict[str, Shape]:
        """The tensors that the synapses have, by name."""
        return {}

    @property
    def tensor_ranges(self) -> dict[str, Range]:
        """The integers that these tensors may hold, by name."""
        return {}

    @property
    def weight_range(self) -> Range:
        """What can stand in a memory of weights; 0 alone where it has none."""
        return Range(lo=0, hi=0)

    def read_weights(self, tensors: Mapping[str, Integers], in_shape: Shape) -> Integers | None:
        """The weights that some input reads, [channels, in_channels, ...], where events read them from memories.

        Whatever the lanes, each stands in one memory at least, those of a channel and tap below each other. None, as
        unless said, where that is not so: then the room for them is not told before synthesis.
        """
        return None

    def fan_in(self, in_shape: Shape) -> int:
        """The most inputs that one neuron, or one output, has."""
        raise NotImplementedError

    def fan_out(self, in_shape: Shape) -> int:
        """The most neurons, or outputs, that an event reaches."""
        raise NotImplementedError

    def fan_outs(self, in_shape: Shape) -> Integers:
        """The neurons, or outputs, that an event of each input reaches, int64 [inputs]: as many as any, unless said."""
        import numpy as np

        return np.full(math.prod(in_shape), self.fan_out(in_shape), np.int64)

    def event_lanes(self, in_shape: Shape, visits: Literal["events", "windows"], before: Synapse | None) -> int:
        """The most events that its circuit can take a cycle, from the layer of the synapses ``before``.

        None where the encoder sends them.
        """
        return self.most_event_lanes

    def position_lanes(self, in_shape: Shape) -> tuple[int, ...]:
        """The numbers of positions whose currents its circuit can add to in a cycle, the most first."""
        return (1,)

    def event_passes(self, in_shape: Shape, lanes: int) -> Integers:
        """The cycles that an event of each input takes to reach its positions, so many in each; int64 [inputs]."""
        import numpy as np

        return np.ones(math.prod(in_shape), np.int64)

    def current_bounds(
        self, tensors: Mapping[str, Integers], values: Range, in_shape: Shape
    ) -> tuple[Integers, Integers]:
        """The least and the greatest sum of each neuron, [units], without bias; partial sums lie between.

        Each input has at most one event a step, with one of ``values``.
        """
        raise NotImplementedError

    def largest_sums(self, tensors: Mapping[str, Integers], values: Range, in_shape: Shape) -> Integers:
        """What no sum of some of a neuron's products exceeds in magnitude, in whatever order: [units]."""
        raise NotImplementedError

    @property
    def text(self) -> str:
        """What it has, in words."""
        raise NotImplementedError


class Dense(Synapse):
    """Synapses from every input to each of ``units`` neurons; weights [units, inputs] of ``weight_bits`` bits."""

    kind: Literal["dense"] = "dense"
    units: Integer = Field(ge=1, le=1 << 16)
    weight_bits: Integer = Field(ge=1, le=16)

    @property
    def adds_up(self) -> bool:
        """Sums do."""
        return True

    @property
    def weight_range(self) -> Range:
        """[-2**(bits-1), 2**(bits-1) - 1]."""
        return Range.of_bits(self.weight_bits, signed=True)

    def out_shape(self, in_shape: Shape) -> Shape:
        """The shape of what goes out, which has no place for that of what comes in."""
        return (self.units,)

    def tensor_shapes(self, in_shape: Shape) -> dict[str, Shape]:
        """The weights, [units, inputs]."""
        return {"weight": (self.units, math.prod(in_shape))}

    @property
    def tensor_ranges(self) -> dict[str, Range]:
        """The weights'."""
        return {"weight": self.weight_range}

    def read_weights(self, tensors: Mapping[str, Integers], in_shape: Shape) -> Integers | None:
        """All of them."""
        return tensors["weight"]

    def fan_in(self, in_shape: Shape) -> int:
        """All inputs."""
        return math.prod(in_shape)

    def fan_out(self, in_shape: Shape) -> int:
        """All neurons."""
        return self.units

    def current_bounds(
        self, tensors: Mapping[str, Integers], values: Range, in_shape: Shape
    ) -> tuple[Integers, Integers]:
        """The sums of the negative and of the positive weights, times the greatest value."""
        weight = tensors["weight"]
        return weight.clip(max=0).sum(axis=1) * values.hi, weight.clip(min=0).sum(axis=1) * values.hi

    def largest_sums(self, tensors: Mapping[str, Integers], values: Range, in_shape: Shape) -> Integers:
        """The sum of the weights' magnitudes, times the greatest value."""
        sums: Integers = abs(tensors["weight"]).sum(axis=1) * values.hi
        return sums

    @property
    def text(self) -> str:
        """The weights' bits."""
        return f"weights of {self.weight_bits} bits"


register(
    Dense,
    golden="golden.crossbar:Crossbar",
    gateware="gateware.crossbar:Crossbar",
    timing="snnhw.timing:dense",
    training="snnhw.train.network:dense",
)
