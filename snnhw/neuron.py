"""Neurons as a description says them: leak, threshold, reset, spike."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from snnhw.integers import INT32, PER_CHANNEL, PER_NEURON, Integer, Parameter, Range, parameter_text
from snnhw.kinds import Frozen

__all__ = ["Leak", "Neuron", "Spike", "StateField"]


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

    @classmethod
    def euler(cls, dt: float, tau_mem: float, bits: int = 8) -> Leak:
        """That of ``tau_mem du/dt = -u + I`` by Euler's method: ``u = k u + (dt / tau_mem) I``, k = 1 - dt / tau_mem.

        k becomes the nearest of ``amount / 2**bits``; the factor of the input is for the weights to take over. Raises
        ValueError for a time step that is not below the time constant, with which u would overshoot.
        """
        if not 0 < dt < tau_mem:
            raise ValueError(f"dt must lie between 0 and tau_mem, not {dt} with {tau_mem}")
        return cls(kind="multiply", amount=round((1 - dt / tau_mem) * (1 << bits)), bits=bits)

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
        return tuple(self.tensor_sharing)

    @property
    def tensor_sharing(self) -> dict[str, str]:
        """What shares a number of each of these tensors: ``per_neuron`` or ``per_channel``."""
        found = {self.tensor_of(name): str(value) for name, value in self.parameters.items()}
        return {tensor: sharing for tensor, sharing in found.items() if tensor is not None}

    def tensor_of(self, parameter: str) -> str | None:
        """The name (after the layer's) of the tensor that holds a parameter, or None where it is one integer."""
        if self.parameters[parameter] not in (PER_NEURON, PER_CHANNEL):
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
