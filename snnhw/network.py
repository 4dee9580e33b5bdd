"""The description of a spiking neural network: what is computed, in integers, and nothing of how.

Everything else in the project reads this: the trainer, the golden model, the gateware, the timing model and the
file format. All classes are frozen, validated and hashable; tensors live apart, in :class:`snnhw.model.Model`.
The meaning of every field, with its rounding and its order of operations, is in ``docs/numerics.md``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, SerializeAsAny, ValidationError, model_validator

from snnhw.errors import DescriptionError
from snnhw.kinds import Frozen, Kind, by_kind, register
from snnhw.wording import did_you_mean, quoted, shown, sizes

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Integers = NDArray[np.int64]

Shape = tuple[int, ...]
"""Sizes, as those of an array."""


def _no_boolean(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError(f"must be an integer, not {str(value).lower()}")
    return value


Integer = Annotated[int, BeforeValidator(_no_boolean)]
"""An integer; a boolean, which Python takes for one, is refused."""

PER_NEURON = "per_neuron"
Parameter = Annotated[int | Literal["per_neuron"], BeforeValidator(_no_boolean)]
"""An integer of the whole layer, or ``"per_neuron"``: then the model holds a tensor of that name, shape [units]."""

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=32)]


def parameter_text(value: Parameter | None) -> str:
    """A parameter in words."""
    return "a value per neuron" if value == PER_NEURON else str(value)


STAGES_BESIDE_LAYERS = ("encoder", "readout")
"""The stages of every circuit, whose names no layer can have."""


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


class Leak(Frozen):
    """How a membrane decays once a step, before it integrates.

    =========  ==================================  ==========================================
    kind       leaked                              fields used
    =========  ==================================  ==========================================
    none       m
    subtract   m - amount                          amount >= 0
    shift      m - (m >> bits)                     bits >= 1; beta = 1 - 2**-bits
    multiply   (m * amount) >> bits                0 <= amount <= 2**bits; beta = amount / 2**bits
    =========  ==================================  ==========================================

    ``rounding`` says where ``>>`` rounds negative numbers: ``floor`` (an arithmetic shift) or ``toward_zero``.
    """

    kind: Literal["none", "subtract", "shift", "multiply"] = "none"
    amount: Parameter = 0
    bits: Integer = Field(default=0, ge=0, le=16)
    rounding: Literal["floor", "toward_zero"] = "floor"

    @model_validator(mode="after")
    def _complete(self) -> Leak:
        if self.kind == "shift" and self.bits < 1:
            raise ValueError("leak of kind 'shift' needs bits >= 1 (beta = 1 - 2**-bits)")
        if self.kind == "multiply" and self.bits < 1:
            raise ValueError("leak of kind 'multiply' needs bits >= 1 (beta = amount / 2**bits)")
        if self.kind in ("none", "shift") and self.amount != 0:
            raise ValueError(f"leak of kind '{self.kind}' takes no amount")
        if self.kind in ("none", "subtract") and (self.bits != 0 or self.rounding != "floor"):
            raise ValueError(f"leak of kind '{self.kind}' takes neither bits nor rounding")
        if isinstance(self.amount, int) and self.amount not in self.amount_range:
            raise ValueError(
                f"leak amount must lie in {self.amount_range.lo}..{self.amount_range.hi}, not {self.amount}"
            )
        return self

    @property
    def amount_range(self) -> Range:
        """The amounts that this kind allows."""
        return Range(lo=0, hi=(1 << self.bits) if self.kind == "multiply" else (1 << 31) - 1)

    @property
    def takes_amount(self) -> bool:
        """Whether it has an amount at all."""
        return self.kind in ("subtract", "multiply")

    @property
    def subtracts(self) -> bool:
        """Whether the amount is in units of the membrane."""
        return self.kind == "subtract"

    @property
    def text(self) -> str:
        """The leak as a formula."""
        rounding = "" if self.kind in ("none", "subtract") else f" rounding {self.rounding.replace('_', ' ')}"
        formula = {
            "none": "no leak",
            "subtract": f"leak m - {parameter_text(self.amount)}",
            "shift": f"leak m - (m >> {self.bits})",
            "multiply": f"leak (m * {parameter_text(self.amount)}) >> {self.bits}",
        }
        return formula[self.kind] + rounding


class Spike(Frozen):
    """What a neuron sends when ``integrated >= threshold``.

    - ``binary``: 1.
    - ``residue``: ``integrated - reset_amount``, saturated to ``bits`` bits. A value of 0 resets and counts, but
      is no event: it reaches no synapse.
    - ``count``: how many of ``threshold + i * reset_amount``, i = 0 .. bound-1, are <= ``integrated`` (a burst).
    """

    kind: Literal["binary", "residue", "count"] = "binary"
    bits: Integer = Field(default=0, ge=0, le=16)
    bound: Integer = Field(default=0, ge=0, le=255)

    @model_validator(mode="after")
    def _complete(self) -> Spike:
        if (self.kind == "residue") != (self.bits > 0):
            raise ValueError("spike bits must be at least 1 for kind 'residue' and are taken by no other kind")
        if (self.kind == "count") != (self.bound > 0):
            raise ValueError("spike bound must be at least 1 for kind 'count' and is taken by no other kind")
        return self

    @property
    def value_range(self) -> Range:
        """The values an event can carry, 0 (no event) included."""
        return Range(lo=0, hi={"binary": 1, "residue": (1 << self.bits) - 1, "count": self.bound}[self.kind])

    @property
    def count_range(self) -> Range:
        """What one step can add to a spike count."""
        return Range(lo=0, hi=self.bound if self.kind == "count" else 1)

    @property
    def graded(self) -> bool:
        """Whether it carries a part of the membrane, in its units."""
        return self.kind == "residue"

    def texts(self, reset_amount: str) -> list[str]:
        """What is sent, in words, where that is more than a spike."""
        says = {
            "residue": [f"sends integrated - {reset_amount} in {self.bits} bits"],
            "count": [f"sends up to {self.bound} spikes at once"],
        }
        return says.get(self.kind, [])


class StateField(Frozen):
    """One number that a neuron keeps from step to step."""

    name: Literal["membrane", "pending", "refractory"]
    range: Range
    initial: Parameter


class Neuron(Frozen):
    """A (leaky) integrate-and-fire neuron; one step of it, in this order.

    ``leaked = leak(membrane)``; a delayed reset is removed here; ``integrated = saturate(leaked + current)``;
    ``spike = integrated >= threshold``; ``membrane = reset(integrated)``. A neuron with ``threshold=None`` never
    fires: it integrates, and its membrane is read out.

    ``membrane`` is the range that ``integrated`` saturates to; None means that no saturation is wanted, and the
    width is proven sufficient from the weights and the number of steps. ``reset_amount=None`` means the threshold.
    While ``refractory`` counts down there is no leak, no integration and no spike. A pending (delayed) reset
    waits for the first step that integrates.
    """

    leak: Leak = Leak()
    threshold: Parameter | None
    reset: Literal["subtract", "zero", "none"] = "subtract"
    reset_amount: Parameter | None = None
    reset_delay: bool = False
    refractory: Integer = Field(default=0, ge=0, le=255)
    spike: Spike = Spike()
    membrane: Range | None = None
    initial: Parameter = 0

    @model_validator(mode="after")
    def _consistent(self) -> Neuron:
        if self.threshold is None:
            plain = (self.reset, self.reset_amount, self.reset_delay, self.refractory, self.spike)
            if plain != ("none", None, False, 0, Spike()):
                raise ValueError(
                    "a neuron without threshold never fires: it takes reset='none' and no other reset, refractory "
                    "or spike field"
                )
        for name in ("threshold", "reset_amount", "initial"):
            value = getattr(self, name)
            if isinstance(value, int) and value not in INT32:
                raise ValueError(f"{name} must lie within 32 bits, not {value}")
        if isinstance(self.threshold, int) and self.threshold < 1:
            raise ValueError(f"threshold must be at least 1, not {self.threshold}")
        if isinstance(self.reset_amount, int) and self.reset_amount < 0:
            raise ValueError(f"reset_amount must not be negative, it is {self.reset_amount}")
        if isinstance(self.threshold, int) and isinstance(self.reset_amount, int):
            self._check_reset_amount(self.threshold, self.reset_amount)
        if self.reset == "none" and self.reset_delay:
            raise ValueError("reset_delay needs a reset of kind 'subtract' or 'zero'")
        if self.membrane is not None:
            self._check_membrane(self.membrane)
        return self

    def _check_reset_amount(self, threshold: int, reset_amount: int) -> None:
        if self.spike.kind == "residue" and reset_amount > threshold:
            raise ValueError(f"residue spikes need reset_amount <= threshold, not {reset_amount} > {threshold}")
        membrane = self.membrane
        stored = self.reset == "subtract" and not self.reset_delay  # a delayed reset saturates with its step
        if stored and membrane is not None and threshold - reset_amount < membrane.lo:
            raise ValueError(
                f"threshold {threshold} - reset_amount {reset_amount} falls below the membrane's range "
                f"{membrane.lo}..{membrane.hi}"
            )

    def _check_membrane(self, membrane: Range) -> None:
        if 0 not in membrane:
            raise ValueError(f"the membrane's range must hold 0, {membrane.lo}..{membrane.hi} does not")
        for name in ("threshold", "initial"):
            value = getattr(self, name)
            if isinstance(value, int) and value not in membrane:
                raise ValueError(f"{name} {value} does not fit the membrane's range {membrane.lo}..{membrane.hi}")

    @classmethod
    def integrator(cls, leak: Leak | None = None, membrane: Range | None = None, initial: Parameter = 0) -> Neuron:
        """A neuron that never fires, for a membrane readout."""
        return cls(leak=leak or Leak(), threshold=None, reset="none", membrane=membrane, initial=initial)

    @property
    def fires(self) -> bool:
        """Whether it has a threshold at all."""
        return self.threshold is not None

    @property
    def parameters(self) -> dict[str, Parameter]:
        """The neuron's numbers by name, in the order in which both twins take them; only those it uses."""
        chosen: dict[str, Parameter] = {}
        if self.leak.takes_amount:
            chosen["leak_amount"] = self.leak.amount
        if self.threshold is not None:
            chosen["threshold"] = self.threshold
            if self.reset == "subtract" or self.spike.kind != "binary":
                chosen["reset_amount"] = self.threshold if self.reset_amount is None else self.reset_amount
        chosen["initial"] = self.initial
        return chosen

    @property
    def tensors(self) -> tuple[str, ...]:
        """The names of the tensors that hold parameters, in their order."""
        return tuple(dict.fromkeys(filter(None, map(self.tensor_of, self.parameters))))

    def tensor_of(self, parameter: str) -> str | None:
        """The name (after the layer's) of the tensor that holds a parameter, or None where it is one integer."""
        if self.parameters[parameter] != PER_NEURON:
            return None
        return "threshold" if parameter == "reset_amount" and self.reset_amount is None else parameter

    def state_fields(self, membrane: Range) -> tuple[StateField, ...]:
        """What is kept from step to step; ``membrane`` is the derived range of the stored membrane."""
        fields = [StateField(name="membrane", range=membrane, initial=self.initial)]
        if self.reset_delay:
            fields.append(StateField(name="pending", range=self.spike.count_range, initial=0))
        if self.refractory:
            fields.append(StateField(name="refractory", range=Range(lo=0, hi=self.refractory), initial=0))
        return tuple(fields)


class Synapse(Kind):
    """What a layer makes of the events that reach it: currents, which go to its neurons, or events.

    Shapes are those of one step without the batch; tensors are by their names within the layer.
    """

    TWINS: ClassVar[tuple[str, ...]] = ("golden", "gateware", "timing", "training")
    USUAL: ClassVar[str | None] = "dense"

    gives_currents: ClassVar[bool] = True
    """Whether currents come out, which ask for neurons and take a bias; events that come out ask for none."""

    def out_shape(self, in_shape: Shape) -> Shape:
        """The shape of what goes out; raises ValueError for a shape that it cannot take."""
        raise NotImplementedError

    def out_values(self, values: Range) -> Range:
        """The values of the events that go out, 0 included, where events do."""
        raise NotImplementedError

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

    def fan_in(self, in_shape: Shape) -> int:
        """The most inputs that one neuron, or one output, has."""
        raise NotImplementedError

    def fan_out(self, in_shape: Shape) -> int:
        """The most neurons, or outputs, that an event reaches."""
        raise NotImplementedError

    def current_bounds(self, tensors: Mapping[str, Integers], values: Range) -> tuple[Integers, Integers]:
        """The least and the greatest sum of each neuron, [units], without bias; partial sums lie between.

        Each input has at most one event a step, with one of ``values``.
        """
        raise NotImplementedError

    def largest_sums(self, tensors: Mapping[str, Integers], values: Range) -> Integers:
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

    def fan_in(self, in_shape: Shape) -> int:
        """All inputs."""
        return math.prod(in_shape)

    def fan_out(self, in_shape: Shape) -> int:
        """All neurons."""
        return self.units

    def current_bounds(self, tensors: Mapping[str, Integers], values: Range) -> tuple[Integers, Integers]:
        """The sums of the negative and of the positive weights, times the greatest value."""
        weight = tensors["weight"]
        return weight.clip(max=0).sum(axis=1) * values.hi, weight.clip(min=0).sum(axis=1) * values.hi

    def largest_sums(self, tensors: Mapping[str, Integers], values: Range) -> Integers:
        """The sum of the weights' magnitudes, times the greatest value."""
        sums: Integers = abs(tensors["weight"]).sum(axis=1) * values.hi
        return sums

    @property
    def text(self) -> str:
        """The weights' bits."""
        return f"weights of {self.weight_bits} bits"


class Layer(Frozen):
    """Synapses and the neurons they end on: events in, events out. ``bias``: a tensor [units] added at every step.

    Synapses that give events have neither: ``neuron`` is None and ``bias`` false.
    """

    name: Name
    synapse: Annotated[SerializeAsAny[Synapse], by_kind(Synapse)]
    bias: bool = True
    neuron: Neuron | None = None

    @model_validator(mode="after")
    def _goes_together(self) -> Layer:
        kind = self.synapse.kind
        if self.synapse.gives_currents and self.neuron is None:
            raise ValueError(f"layer '{self.name}' has no neuron, and synapses of kind '{kind}' need one")
        if not self.synapse.gives_currents and "bias" not in self.model_fields_set:
            self.__dict__["bias"] = False  # none is meant where no current can take one
        if not self.synapse.gives_currents and (self.neuron is not None or self.bias):
            surplus = "bias" if self.neuron is None else "neuron"
            raise ValueError(f"layer '{self.name}' takes no {surplus}: its kind '{kind}' gives events, not currents")
        return self


class Encoder(Kind):
    """How samples become events."""

    TWINS: ClassVar[tuple[str, ...]] = ("golden", "gateware", "timing")

    once: ClassVar[bool] = False
    """Whether the events are the same at every step, and are sent once."""
    takes_events: ClassVar[bool] = False
    """Whether a sample is events already, [num_steps, *input_shape], not pixels."""

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


class Readout(Kind):
    """How what the last layer did becomes scores."""

    TWINS: ClassVar[tuple[str, ...]] = ("golden", "gateware", "training")

    lowest_wins: ClassVar[bool] = False
    """Whether the class of the lowest score is chosen, not that of the highest."""
    reads_membranes: ClassVar[bool] = False
    """Whether it asks for a last layer that never fires, not for one that does."""

    @property
    def text(self) -> str:
        """What scores are, in words."""
        raise NotImplementedError

    def classes_of(self, units: int) -> int:
        """The number of scores of so many neurons; raises ValueError where it cannot have so many."""
        return units

    def score_range(self, membrane: Range, counts: Range, num_steps: int) -> Range:
        """What a score can be, where neurons have such membranes and add so much to a count in a step.

        ``counts`` is of all neurons of a class together.
        """
        return Range(lo=0, hi=num_steps * counts.hi)


class MembraneReadout(Readout):
    """Scores are the membranes of the last layer, which never fires, after the last step."""

    reads_membranes: ClassVar[bool] = True

    kind: Literal["membrane"] = "membrane"

    @property
    def text(self) -> str:
        """What scores are, in words."""
        return "the last membranes"

    def score_range(self, membrane: Range, counts: Range, num_steps: int) -> Range:
        """The membranes'."""
        return membrane


class CountReadout(Readout):
    """Scores are the numbers of spikes of the last layer (a burst of k counts k)."""

    kind: Literal["count"] = "count"

    @property
    def text(self) -> str:
        """What scores are, in words."""
        return "spike counts"


class FirstSpikeReadout(Readout):
    """Scores are the steps of each neuron's first spike, num_steps for a silent one; the lowest wins."""

    lowest_wins: ClassVar[bool] = True

    kind: Literal["first_spike"] = "first_spike"

    @property
    def text(self) -> str:
        """What scores are, in words."""
        return "the steps of first spikes"

    def score_range(self, membrane: Range, counts: Range, num_steps: int) -> Range:
        """The steps, and their number."""
        return Range(lo=0, hi=num_steps)


class VoteReadout(Readout):
    """Scores are the spike counts of ``classes`` populations: neuron i votes for i // (units / classes)."""

    kind: Literal["vote"] = "vote"
    classes: Integer = Field(ge=1)

    @property
    def text(self) -> str:
        """What scores are, in words."""
        return "the spike counts of populations"

    def classes_of(self, units: int) -> int:
        """As many as it says; raises ValueError for populations that are not equal."""
        if units % self.classes:
            raise ValueError(f"vote needs equal populations: {units} neurons for {self.classes} classes")
        return self.classes


class Network(Frozen):
    """A sequential network: encoder, layers, readout, over ``num_steps`` time steps. Ties go to the lowest class."""

    input_shape: Annotated[tuple[Annotated[Integer, Field(ge=1)], ...], Field(min_length=1, max_length=3)]
    encoder: Annotated[SerializeAsAny[Encoder], by_kind(Encoder)]
    stages: Annotated[tuple[Layer, ...], Field(min_length=1)]
    readout: Annotated[SerializeAsAny[Readout], by_kind(Readout)]
    num_steps: Integer = Field(ge=1, le=4096)

    @model_validator(mode="after")
    def _fits_together(self) -> Network:
        names = [stage.name for stage in self.stages]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"layer names must differ, '{name}' occurs {names.count(name)} times")
            if name in STAGES_BESIDE_LAYERS:
                raise ValueError(f"a layer cannot be named '{name}': another stage of the circuit is")
        for stage in self.stages[:-1]:
            if stage.neuron is not None and not stage.neuron.fires:
                raise ValueError(f"layer '{stage.name}' never fires, which only the last layer may")
        first, last = self.stages[0], self.stages[-1]
        if last.neuron is None:
            raise ValueError(f"the last layer needs neurons, which '{last.name}' has not")
        if first.neuron is None and self.encoder.once:
            raise ValueError(
                f"encoder '{self.encoder.kind}' sends its events once: the first layer needs neurons, "
                f"which '{first.name}' has not"
            )
        if last.neuron.fires == self.readout.reads_membranes:
            wants = "one that never fires (threshold = null)" if last.neuron.fires else "a layer that fires"
            raise ValueError(f"readout '{self.readout.kind}' needs {wants} as the last layer, '{last.name}' is not")
        self.readout.classes_of(self.layers[-1].units)
        return self

    def __repr__(self) -> str:
        return shown(self, *self.shown_parts, f"{self.encoder.kind} encoder", f"{self.readout.kind} readout")

    @property
    def shown_parts(self) -> tuple[str, ...]:
        """What there is to say of it in a line: sizes, bits and time steps."""
        layers = self.layers
        bits = dict.fromkeys(str(layer.synapse.weight_range.width) for layer in layers if layer.has_weights)
        weights = f"weights of {' and '.join(bits)} bits" if len(bits) <= 2 else "weights of several widths"
        return (sizes([self.inputs, *(layer.units for layer in layers)]), weights, f"{self.num_steps} steps")

    def _repr_html_(self) -> str:
        """The table of layers that ``snnhw info`` prints, for a notebook."""
        from snnhw.summary import layer_table, summarise_network

        return layer_table(summarise_network(self)).html

    @property
    def inputs(self) -> int:
        """The number of inputs, ``input_shape`` flattened row by row."""
        return math.prod(self.input_shape)

    @property
    def sample_shape(self) -> tuple[int, ...]:
        """The shape of one sample: ``input_shape``, with the time steps in front where the input is events."""
        return (self.num_steps, *self.input_shape) if self.encoder.takes_events else self.input_shape

    @property
    def flat_shape(self) -> tuple[int, ...]:
        """The same with the inputs in a row: [inputs], or [num_steps, inputs]."""
        return (self.num_steps, self.inputs) if self.encoder.takes_events else (self.inputs,)

    def takes(self, shape: Shape) -> bool:
        """Whether a sample of that shape is one of the network's.

        Dimensions of 1 may be missing or too many, and inputs may be flat where the network's are not, or the other way
        round, since they go row by row.
        """
        stepwise = self.encoder.takes_events and shape[:1] == (self.num_steps,)
        return _same_order(shape, self.sample_shape) or (stepwise and _same_order(shape[1:], self.input_shape))

    @property
    def layers(self) -> tuple[PlacedLayer, ...]:
        """The layers where they stand, each with the shapes and values of what goes in and out."""
        placed: list[PlacedLayer] = []
        shape, values = self.input_shape, self.encoder.value_range
        for index, stage in enumerate(self.stages):
            placed.append(PlacedLayer(self, index, stage, shape, values))
            shape, values = placed[-1].out_shape, placed[-1].out_values
        return tuple(placed)

    @property
    def classes(self) -> int:
        """The number of scores."""
        return self.readout.classes_of(self.layers[-1].units)

    @property
    def constant_input(self) -> bool:
        """Whether the first layer sums its input once and applies the sum at every step (direct encoding)."""
        return self.encoder.once

    @property
    def allows_neuron_major(self) -> bool:
        """Whether neurons can go through all time steps one after the other."""
        return self.constant_input and all(layer.has_neuron for layer in self.layers)


def _same_order(one: Shape, other: Shape) -> bool:
    """Whether arrays of two shapes have the same numbers in the same order, as far as shapes tell."""
    first, second = ([size for size in shape if size != 1] for shape in (one, other))
    return first == second or (min(len(first), len(second)) <= 1 and math.prod(first) == math.prod(second))


@dataclass(frozen=True)
class PlacedLayer:
    """A layer where it stands in a network: what comes in, and what goes out."""

    network: Network
    index: int
    layer: Layer
    in_shape: Shape
    values: Range
    """Of the events that come in, 0 (no event) included."""

    def __repr__(self) -> str:
        return shown(self, *self.shown_parts)

    @property
    def shown_parts(self) -> tuple[str, ...]:
        """What there is to say of it in a line: name, shape and bits."""
        bits = f"weights of {self.synapse.weight_range.width} bits" if self.has_weights else ""
        return (f"'{self.name}'", f"{self.units} x {self.inputs}", bits)

    @property
    def name(self) -> str:
        """The layer's name."""
        return self.layer.name

    @property
    def synapse(self) -> Synapse:
        """What makes currents, or other events, of events."""
        return self.layer.synapse

    @property
    def has_neuron(self) -> bool:
        """Whether there are neurons that currents go to; without, events go out as the synapses give them."""
        return self.layer.neuron is not None

    @property
    def neuron(self) -> Neuron:
        """What the currents go to; raises ValueError where the layer has none."""
        if self.layer.neuron is None:
            raise ValueError(f"layer '{self.name}' has no neurons")
        return self.layer.neuron

    @property
    def biased(self) -> bool:
        """Whether there is a tensor that is added at every step."""
        return self.layer.bias

    @property
    def has_weights(self) -> bool:
        """Whether its synapses have tensors."""
        return bool(self.synapse.tensor_ranges)

    @property
    def inputs(self) -> int:
        """The number of inputs, ``in_shape`` flattened row by row."""
        return math.prod(self.in_shape)

    @property
    def out_shape(self) -> Shape:
        """The shape of what goes out."""
        return self.synapse.out_shape(self.in_shape)

    @property
    def units(self) -> int:
        """The number of neurons, ``out_shape`` flattened row by row."""
        return math.prod(self.out_shape)

    @property
    def out_values(self) -> Range:
        """The values of the events that go out, 0 (no event) included."""
        return self.neuron.spike.value_range if self.has_neuron else self.synapse.out_values(self.values)

    @property
    def constant(self) -> bool:
        """Whether its current is the same at every step, and is computed once (direct encoding)."""
        return self.index == 0 and self.network.constant_input

    @property
    def last(self) -> bool:
        """Whether the readout takes what it does."""
        return self.index == len(self.network.stages) - 1

    @property
    def tensor_shapes(self) -> dict[str, Shape]:
        """The tensors that a model must hold for it, in order: the synapses', ``bias``, and the neuron's [units]."""
        shapes = self.synapse.tensor_shapes(self.in_shape)
        names = (*(("bias",) if self.biased else ()), *(self.neuron.tensors if self.has_neuron else ()))
        return shapes | dict.fromkeys(names, (self.units,))


def parse_network(document: Any, source: str = "description") -> Network:
    """Build a network from plain data (what JSON or TOML gives); ``DescriptionError`` of one line where it fails."""
    try:
        return Network.model_validate(document)
    except ValidationError as error:
        raise DescriptionError(f"{source}: {first_complaint(error)}") from error


def first_complaint(error: ValidationError, *within: str) -> str:
    """The first thing that pydantic found wrong, as one line: where (after ``within``), what must be, what came."""
    first = error.errors(include_url=False)[0]
    where = ".".join(str(part) for part in (*within, *first["loc"]))
    message, value = first["msg"].removeprefix("Value error, "), first["input"]
    given = "" if first["type"] in ("value_error", "missing") else f", not {quoted(value)}"
    if first["type"] == "literal_error":
        given += did_you_mean(value, re.findall(r"'([^']+)'", first["ctx"]["expected"]))
    return f"{where + ': ' if where else ''}{message}{given}"


# The kinds that there are, and where their twins are.

register(
    Dense,
    golden="golden.crossbar:Crossbar",
    gateware="gateware.crossbar:Crossbar",
    timing="snnhw.timing:dense",
    training="snnhw.train.network:dense",
)

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
    MembraneReadout,
    golden="golden.readout:MembraneScores",
    gateware="gateware.readout:MembraneScores",
    training="snnhw.train.readout:membrane",
)
register(
    CountReadout,
    golden="golden.readout:CountScores",
    gateware="gateware.readout:CountScores",
    training="snnhw.train.readout:count",
)
register(
    FirstSpikeReadout,
    golden="golden.readout:FirstSpikeScores",
    gateware="gateware.readout:FirstSpikeScores",
    training="snnhw.train.readout:first_spike",
)
register(
    VoteReadout,
    golden="golden.readout:CountScores",
    gateware="gateware.readout:CountScores",
    training="snnhw.train.readout:count",
)
