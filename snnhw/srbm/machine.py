"""The description of a spiking restricted Boltzmann machine: what its circuit computes, in integers.

Golden model, gateware, trainer and file format read this. What every field means, with its order of operations, is in
``docs/srbm.md``. A tick is the machine's unit of time; a level is the unit of a conductance.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, ValidationError, model_validator

from snnhw.errors import DescriptionError
from snnhw.kinds import Frozen
from snnhw.network import Integer, Range, first_complaint
from snnhw.wording import shown

__all__ = [
    "Machine",
    "Neuron",
    "Noise",
    "Periods",
    "Phases",
    "RandomSampling",
    "RandomWalk",
    "Synapse",
    "Window",
    "parse_machine",
]

MOST = 1 << 16
"""The most rows or columns of an array, and the most ticks of a phase or an inference."""

MOST_STEP = 1 << 20
"""The longest step of the noise."""

SUM_BITS = 32
"""Signed bits that hold the sum of a tick: membrane, current and noise."""

Size = Annotated[Integer, Field(ge=1, le=MOST)]
Ticks = Annotated[Integer, Field(ge=1, le=MOST)]
Step = Annotated[Integer, Field(ge=0, le=MOST_STEP)]
Pulse = Annotated[Integer, Field(ge=1, le=64)]
Period = Annotated[Integer, Field(ge=1, le=255)]


class RandomWalk(Frozen):
    """Noise of ``draws`` random bits a tick, each of which moves the membrane a ``step`` up (1) or down (0).

    With b ones among the bits the membrane moves by (2 b - draws) step: mean 0, variance draws step^2.
    """

    kind: Literal["walk"] = "walk"
    step: Step = 550
    draws: Annotated[Integer, Field(ge=1, le=16)] = 4

    @property
    def bits(self) -> int:
        """Random bits that a unit takes a tick."""
        return self.draws

    @property
    def range(self) -> Range:
        """What a tick's noise can be."""
        return Range(lo=-self.draws * self.step, hi=self.draws * self.step)


class RandomSampling(Frozen):
    """Noise of one random byte r a tick: a ``step`` up where r < up, down where r >= 256 - down, else none."""

    kind: Literal["sampling"] = "sampling"
    step: Step = 1555
    up: Annotated[Integer, Field(ge=0, le=256)] = 64
    down: Annotated[Integer, Field(ge=0, le=256)] = 64

    @model_validator(mode="after")
    def _exclusive(self) -> RandomSampling:
        if self.up + self.down > 256:
            raise ValueError(f"up + down must be at most 256, the number of bytes, not {self.up + self.down}")
        return self

    @property
    def bits(self) -> int:
        """Random bits that a unit takes a tick."""
        return 8

    @property
    def range(self) -> Range:
        """What a tick's noise can be."""
        return Range(lo=-self.step, hi=self.step)


Noise = Annotated[RandomWalk | RandomSampling, Field(discriminator="kind")]


class Neuron(Frozen):
    """A leaky integrate-and-fire unit, visible or hidden.

    A tick of a unit that is not refractory: V = V - (V >> leak_shift) + I + noise, not below the least of
    ``membrane_bits`` signed bits; where V >= threshold it fires, V becomes 0 and ``refractory`` ticks follow in which
    V stays 0 and I and noise are lost.
    """

    threshold: Annotated[Integer, Field(ge=1, le=1 << 23)] = 4097
    leak_shift: Annotated[Integer, Field(ge=1, le=15)] = 3
    membrane_bits: Annotated[Integer, Field(ge=8, le=24)] = 16
    refractory: Annotated[Integer, Field(ge=0, le=63)] = 8

    @property
    def membrane(self) -> Range:
        """What V can be between ticks."""
        return Range(lo=-(1 << (self.membrane_bits - 1)), hi=self.threshold - 1)

    @model_validator(mode="after")
    def _fits(self) -> Neuron:
        if self.threshold > 1 << (self.membrane_bits - 1):
            raise ValueError(f"a threshold of {self.threshold} does not fit {self.membrane_bits} signed bits")
        return self


class Synapse(Frozen):
    """An array's cells, and how they change.

    ``cell``: "6T2R", two devices a synapse, weight Gp - Gm, read by rows and by columns; "3T1R", one device, weight
    G - 2^(bits-1), read by both; "2T1R", the same and read by rows alone. Levels go from 0 to 2^bits - 1 and saturate.

    ``update`` by a step of d levels, up (LTP) and down (LTD): "set", only SET: Gp + d, Gm + d; "gradual", RESET as
    gradual as SET: (Gp + d, Gm - d), (Gp - d, Gm + d); "abrupt", RESET to 0: (Gp + d, 0), (0, Gm + d). With one device
    G + d, and G - d or, abrupt, 0; it has no "set", since it could not go down.

    After every training image ``refresh_rows`` rows, in rotation, are refreshed (two devices only): where Gp or Gm has
    reached ``refresh_level``, or where there is a decay, (Gp, Gm) becomes (w, 0) or (0, -w). There w = Gp - Gm less,
    with ``decay_shift`` s > 0, |Gp - Gm| >> s toward 0.
    """

    cell: Literal["6T2R", "3T1R", "2T1R"] = "6T2R"
    bits: Annotated[Integer, Field(ge=2, le=16)] = 12
    update: Literal["set", "gradual", "abrupt"] = "set"
    refresh_rows: Annotated[Integer, Field(ge=0, le=MOST)] = 8
    refresh_level: Annotated[Integer, Field(ge=1, lt=1 << 16)] = 3072
    decay_shift: Annotated[Integer, Field(ge=0, le=15)] = 0

    @property
    def paired(self) -> bool:
        """Whether a synapse has two devices."""
        return self.cell == "6T2R"

    @property
    def levels(self) -> Range:
        """What a device can hold."""
        return Range.of_bits(self.bits, signed=False)

    @property
    def reference(self) -> int:
        """What is subtracted from the level of a single device."""
        return 1 << (self.bits - 1)

    @property
    def weight(self) -> Range:
        """What a weight can be."""
        top = self.levels.hi
        return Range(lo=-top, hi=top) if self.paired else Range(lo=-self.reference, hi=top - self.reference)

    @model_validator(mode="after")
    def _possible(self) -> Synapse:
        if not self.paired and self.update == "set":
            raise ValueError(f"a {self.cell} cell has one device, which SET alone cannot bring down; use 6T2R")
        if not self.paired and (self.refresh_rows or self.decay_shift):
            raise ValueError(f"a {self.cell} cell has nothing to refresh: refresh_rows and decay_shift must be 0")
        if self.refresh_rows and self.refresh_level not in self.levels:
            raise ValueError(f"refresh_level {self.refresh_level} does not fit {self.bits} bits")
        if self.decay_shift and not self.refresh_rows:
            raise ValueError("decay happens at refresh: refresh_rows must not be 0 where there is a decay_shift")
        return self


class Window(Frozen):
    """The pulses of the learning rule, in ticks.

    A visible spike opens STDP_WL for ``visible`` ticks, its own among them; a hidden spike sends STDP_BL ``hidden``
    ticks later. Where they overlap the synapse changes: if the visible unit fired in the ticks from
    hidden + 1 - visible to hidden around the hidden spike.
    """

    visible: Pulse = 8
    hidden: Pulse = 4


class Periods(Frozen):
    """The ticks between spikes of what is clamped on, and of the bias units."""

    pixel: Period = 9
    label: Period = 11
    bias: Period = 28


class Phases(Frozen):
    """The ticks of a training image: settle, ``data`` (g = +1), transition, ``model`` (g = -1).

    ``settle`` and ``data`` are clamped; ``transition`` and ``model`` are free; g is 0 in settle and transition.
    """

    settle: Ticks = 20
    data: Ticks = 80
    transition: Ticks = 20
    model: Ticks = 80

    @property
    def ticks(self) -> int:
        """The ticks of a training image."""
        return self.settle + self.data + self.transition + self.model

    def clamped(self, tick: int) -> bool:
        """Whether pixels and labels are clamped."""
        return tick < self.settle + self.data

    def gate(self, tick: int) -> int:
        """g(t): +1, 0 or -1."""
        if tick < self.settle:
            return 0
        if tick < self.settle + self.data:
            return 1
        return 0 if tick < self.settle + self.data + self.transition else -1


class Machine(Frozen):
    """The whole machine: ``pixels`` and ``classes`` times ``labels_per_class`` label units are visible.

    ``biases`` bias units stand beside the visible ones and as many beside the hidden ones; the array has
    ``rows`` = pixels + labels + biases and ``columns`` = hidden + biases, in this order.
    ``inference_ticks`` is the length of an inference and of a regeneration.
    """

    pixels: Size = 784
    classes: Size = 10
    labels_per_class: Size = 4
    biases: Annotated[Integer, Field(ge=0, le=MOST)] = 8
    hidden: Size = 500
    neuron: Neuron = Neuron()
    noise: Noise = RandomWalk()
    synapse: Synapse = Synapse()
    window: Window = Window()
    periods: Periods = Periods()
    phases: Phases = Phases()
    inference_ticks: Ticks = 320
    seed: Annotated[Integer, Field(ge=1, le=(1 << 32) - 1)] = 0xACE1

    def __repr__(self) -> str:
        return shown(self, *self.shown_parts, f"seed {self.seed}")

    @property
    def shown_parts(self) -> tuple[str, ...]:
        """What there is to say of it in a line: units and synapses."""
        units = (f"{self.pixels} pixels", f"{self.classes} x {self.labels_per_class} labels", f"{self.hidden} hidden")
        return (*units, f"{self.synapse.cell} of {self.synapse.bits} bits")

    @property
    def labels(self) -> int:
        """Label units."""
        return self.classes * self.labels_per_class

    @property
    def visible(self) -> int:
        """Visible units without biases: pixels, then labels, those of class 0 first."""
        return self.pixels + self.labels

    @property
    def rows(self) -> int:
        """Rows of the array."""
        return self.visible + self.biases

    @property
    def columns(self) -> int:
        """Columns of the array."""
        return self.hidden + self.biases

    @property
    def row_current(self) -> Range:
        """What the current into a hidden unit can be."""
        weight = self.synapse.weight
        return Range(lo=self.rows * weight.lo, hi=self.rows * weight.hi)

    @property
    def column_current(self) -> Range:
        """What the current into a visible unit can be."""
        weight = self.synapse.weight
        return Range(lo=self.columns * weight.lo, hi=self.columns * weight.hi)

    @property
    def integrated(self) -> Range:
        """What membrane, current and noise of a unit can come to in a tick, before the floor."""
        parts = (self.neuron.membrane, self.row_current | self.column_current, self.noise.range)
        return Range(lo=sum(part.lo for part in parts), hi=sum(part.hi for part in parts))

    @property
    def limits(self) -> tuple[str, ...]:
        """What is allowed and hardly wanted, a line each: rates above what refractory units can follow."""
        least = self.neuron.refractory + 1
        return tuple(
            f"a period of {period} ticks for each {name} is less than the {least} that a refractory unit needs: free "
            "units cannot follow it"
            for name, period in (("pixel", self.periods.pixel), ("label", self.periods.label))
            if period < least
        )

    @model_validator(mode="after")
    def _consistent(self) -> Machine:
        if self.synapse.cell == "2T1R":
            raise ValueError(
                "a 2T1R array has no BLIF, and without it visible units never hear of hidden ones; use 3T1R or 6T2R"
            )
        if self.window.visible > self.neuron.refractory:
            raise ValueError(
                f"a window of {self.window.visible} ticks is wider than half the refractory time of "
                f"{self.neuron.refractory} ticks on either side: one hidden spike would count two of a visible unit"
            )
        if self.window.hidden > self.neuron.refractory + 1:
            raise ValueError(
                f"STDP_BL {self.window.hidden} ticks after a spike comes after the next spike may have come "
                f"(refractory {self.neuron.refractory} + 1)"
            )
        if self.biases and self.periods.bias <= self.window.hidden:
            raise ValueError(
                f"a bias period of {self.periods.bias} ticks must be longer than STDP_BL's {self.window.hidden}"
            )
        if self.synapse.refresh_rows > self.rows:
            raise ValueError(f"refresh_rows {self.synapse.refresh_rows} are more than the array's {self.rows} rows")
        if max(self.rows, self.columns) > MOST:
            raise ValueError(f"an array has at most {MOST} rows and columns, not {self.rows} and {self.columns}")
        reached = self.integrated
        if reached.width > SUM_BITS:
            raise ValueError(
                f"membrane, current and noise of a tick come to {reached.lo} to {reached.hi}, more than {SUM_BITS} "
                "signed bits: take fewer units, or fewer bits a synapse"
            )
        return self


def parse_machine(value: object, what: str) -> Machine:
    """A machine from JSON's objects. Raises DescriptionError: one line that names the field."""
    try:
        return Machine.model_validate(value)
    except ValidationError as error:
        raise DescriptionError(f"{what}: {first_complaint(error)}") from error
