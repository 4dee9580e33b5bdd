"""The description of a learner: what its circuit computes, in integers.

Golden model, gateware, trainer and file format read this. What every field means, with its order of operations, is in
``docs/stdp.md``. The rule is pair-based spike-timing-dependent plasticity (STDP): a synapse whose input fired before
its neuron grows, one whose input fired later, or not at all, shrinks.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, model_validator

from snnhw.errors import DescriptionError
from snnhw.kinds import Frozen
from snnhw.network import Integer, Range, first_complaint
from snnhw.wording import shown, sizes

__all__ = ["MOST_AMPLITUDE", "Learner", "Window", "parse_learner"]

MOST = 1 << 12
"""The most pixels, or neurons."""

MOST_AMPLITUDE = 64
"""The largest amplitude of a change: with the largest factor of a window, no change overshoots its bound."""

THRESHOLD_BITS = 24
"""Unsigned bits of a threshold, those behind the point included; it saturates."""

FRACTION_BITS = 6
"""Bits of a threshold behind the point: what it falls by in an image is less than a unit of the membrane."""

Factor = Literal[0, 1, 2]
Size = Annotated[Integer, Field(ge=1, le=MOST)]


class Window(Frozen):
    """How much a synapse changes, by the steps d that lie between the spikes of its input and of its neuron.

    Factors times the amplitude, at a distance of 0: ``a_plus`` where the input fired first, ``a_minus`` where it fired
    later, ``silent`` where it did not fire. ``exponential``: halved every ``tau_plus``, or ``tau_minus``, steps.
    ``rectangular``: whole for so many steps, then none. With silent = 0 this is the plain pair rule
    dW = A+ exp(-d / tau+) or -A- exp(-d / tau-), which has nothing to say of synapses whose input is silent.
    """

    shape: Literal["exponential", "rectangular"] = "exponential"
    a_plus: Factor = 1
    a_minus: Factor = 2
    silent: Factor = 1
    tau_plus: Annotated[Integer, Field(ge=1, le=64)] = 4
    tau_minus: Annotated[Integer, Field(ge=1, le=64)] = 4

    def plus(self, distance: int, amplitude: int) -> int:
        """The strength of a change upwards, of an input that fired ``distance`` >= 0 steps before."""
        return self._at(distance, amplitude * self.a_plus, self.tau_plus)

    def minus(self, distance: int, amplitude: int) -> int:
        """The strength of a change downwards, of an input that fired ``distance`` >= 1 steps later."""
        return self._at(distance, amplitude * self.a_minus, self.tau_minus)

    def _at(self, distance: int, whole: int, tau: int) -> int:
        if self.shape == "rectangular":
            return whole if distance < tau else 0
        return whole >> (distance // tau)


class Learner(Frozen):
    """``neurons`` that compete for images of ``pixels`` pixels, which come as spikes of one of ``num_steps`` steps.

    Weights are unsigned, of ``weight_bits``. A membrane loses ``leakage`` a step and never falls below 0. Thresholds
    start at ``threshold``; in every image that is learned all fall by ``fall`` / 64 and that of the winner rises by as
    much as they fell together. With ``forced`` the neuron that is nearest to its threshold fires in the last step if
    none has fired before. ``bounds``: a change is in proportion to what is left to the bound, or not (``hard``).

    Supervised, the threshold of a wrong winner rises by ``nudge`` / 64 and that of the right neuron falls by as much.

    An answer is made of the first ``spikes`` spikes, by the class of the first one's neuron, or by a readout of
    ``readout_bits`` signed bits for each neuron and class, which learns where it is right by less than ``margin``.
    ``seed`` starts the random register.
    """

    pixels: Size = 784
    neurons: Size = 100
    classes: Annotated[Integer, Field(ge=1, le=256)] = 10
    num_steps: Annotated[Integer, Field(ge=1, le=64)] = 8
    weight_bits: Annotated[Integer, Field(ge=2, le=8)] = 8
    leakage: Annotated[Integer, Field(ge=0, le=1 << 16)] = 128
    threshold: Annotated[Integer, Field(ge=0, lt=1 << (THRESHOLD_BITS - FRACTION_BITS))] = 60 * 255
    fall: Annotated[Integer, Field(ge=0, le=1 << 12)] = 16
    window: Window = Window()
    bounds: Literal["soft", "hard"] = "soft"
    forced: bool = True
    spikes: Annotated[Integer, Field(ge=1, le=64)] = 12
    readout_bits: Annotated[Integer, Field(ge=4, le=16)] = 12
    nudge: Annotated[Integer, Field(ge=0, le=1 << 16)] = 2048
    margin: Annotated[Integer, Field(ge=0, le=1 << 12)] = 60
    seed: Annotated[Integer, Field(ge=1, le=(1 << 32) - 1)] = 0xACE1

    def __repr__(self) -> str:
        return shown(self, *self.shown_parts, f"seed {self.seed}")

    @property
    def shown_parts(self) -> tuple[str, ...]:
        """What there is to say of it in a line: sizes, bits and time steps."""
        bits = f"weights of {self.weight_bits} bits"
        return (sizes((self.pixels, self.neurons, self.classes)), bits, f"{self.num_steps} steps")

    @classmethod
    def usual(cls, neurons: int, weight_bits: int = 8, **others: Any) -> Learner:
        """A learner whose numbers suit its size and bits; ``others`` are fields that are not as usual."""
        top = (1 << weight_bits) - 1
        chosen = {
            "leakage": 1 << (weight_bits - 1),
            "threshold": (60 if neurons < 400 else 70) * top,
            "fall": (32 if neurons < 100 else 16) >> (8 - weight_bits),
            "nudge": 1 << (weight_bits + 3),
        }
        return parse_learner({"neurons": neurons, "weight_bits": weight_bits, **chosen, **others}, "learner")

    @property
    def weight(self) -> Range:
        """What a weight can be."""
        return Range.of_bits(self.weight_bits, signed=False)

    @property
    def initial_weight(self) -> Range:
        """What weights are drawn from at the start: from three to six tenths of the range."""
        return Range(lo=3 * self.weight.hi // 10, hi=6 * self.weight.hi // 10)

    @property
    def membrane(self) -> Range:
        """What a membrane can be: an input fires once at most."""
        return Range(lo=0, hi=self.pixels * self.weight.hi)

    @property
    def thresholds(self) -> Range:
        """What a threshold can be, in parts of 1/64."""
        return Range.of_bits(THRESHOLD_BITS, signed=False)

    @property
    def excess(self) -> Range:
        """What a membrane less its threshold can be."""
        return Range(lo=-(self.thresholds.hi >> FRACTION_BITS), hi=self.membrane.hi)

    @property
    def rise(self) -> int:
        """What the winner's threshold rises by."""
        return self.neurons * self.fall

    @property
    def readout(self) -> Range:
        """What a weight of the readout can be."""
        return Range.of_bits(self.readout_bits, signed=True)

    @property
    def scores(self) -> Range:
        """What a score of the readout can be: the j-th of K spikes, from 0, counts K - j times."""
        counted = self.spikes * (self.spikes + 1) // 2
        return Range(lo=counted * self.readout.lo, hi=counted * self.readout.hi)

    @model_validator(mode="after")
    def _consistent(self) -> Learner:
        if self.spikes > self.neurons:
            raise ValueError(f"{self.neurons} neurons send at most {self.neurons} spikes, not {self.spikes}")
        return self


def parse_learner(value: object, what: str) -> Learner:
    """A learner from JSON's objects. Raises DescriptionError: one line that names the field."""
    try:
        return Learner.model_validate(value)
    except ValidationError as error:
        raise DescriptionError(f"{what}: {first_complaint(error)}") from error
