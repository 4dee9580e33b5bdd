"""Convolutions with NeuNorm: auxiliary neurons subtract a moving average of the spikes from what a convolution gets.

After Wu et al. 2019 (AAAI, arXiv:1809.05793), equations 9 and 10; ``docs/numerics.md`` has the integers.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeVar

from pydantic import Field, model_validator

from snnhw.convolution import Conv2d, planes
from snnhw.errors import DescriptionError
from snnhw.integers import Integer, Range, Shape
from snnhw.kinds import register
from snnhw.pooling import Pool2d
from snnhw.synapse import Synapse

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from snnhw.model import Model, ModelLayer

    Integers = NDArray[np.int64]

__all__ = ["NeuNormConv2d", "folded"]

L = TypeVar("L", bound="ModelLayer")

WIDEST_FOLDED = 16
"""The most bits of a folded weight that a circuit multiplies by."""


class NeuNormConv2d(Conv2d):
    """A convolution with an auxiliary neuron at each position of its input, which all channels share.

    In each step, with n(q) the sum of the values that all channels send from position q, the auxiliary neuron's state
    becomes ``X(q) = floor(X(q) * (1 - 2**-decay_bits)) + n(q)``, 0 before the first step. The current of a channel is
    that of the convolution less ``N >> shift``, rounded down, where N is, with g(q) = X(q), and with b(q) * X(q) where
    there are ``position_bits``:

    ===========  =========================================  ============================================
    form         N of channel f at p                        its tensor ``auxiliary``
    ===========  =========================================  ============================================
    folded       sum over k of M[f, k] * g(p + k)           M [channels, kernel height, kernel width]
    per_channel  sum over c, k of W[f, c, k] * a[c] * g     a [in_channels]: the same as a folded one
    full         sum over c, k of W[f, c, k] * U[c, q] * X  U [in_channels, height, width], the paper's
    ===========  =========================================  ============================================

    These numbers are signed, of ``auxiliary_bits``; the tensor ``position`` [height, width] holds b, of
    ``position_bits`` and not negative, with which a[c] * b(q) is a matrix of rank one.
    """

    most_event_lanes: ClassVar[int] = 1
    remembers: ClassVar[bool] = True
    loadable: ClassVar[bool] = False

    kind: Literal["neunorm_conv2d"] = "neunorm_conv2d"  # type: ignore[assignment]
    form: Literal["folded", "per_channel", "full"] = "folded"
    decay_bits: Integer = Field(default=2, ge=1, le=8)
    auxiliary_bits: Integer = Field(default=6, ge=2, le=16)
    position_bits: Integer = Field(default=0, ge=0, le=8)
    shift: Integer = Field(default=6, ge=0, le=24)

    @model_validator(mode="after")
    def _goes_together(self) -> NeuNormConv2d:
        if self.max_pool != (1, 1):
            raise ValueError("neunorm_conv2d takes no max_pool: put a pool of events behind its neurons")
        if self.form == "full" and self.position_bits:
            raise ValueError("neunorm_conv2d of form 'full' has a number of every position: it takes no position_bits")
        return self

    @property
    def adds_up(self) -> bool:
        """What is subtracted depends on when spikes came."""
        return False

    @property
    def visits(self) -> tuple[Literal["events", "windows"], ...]:
        """Events."""
        return ("events",)

    def event_lanes(self, in_shape: Shape, visits: Literal["events", "windows"], before: Synapse | None) -> int:
        """One: auxiliary neurons take them one by one."""
        return 1

    def tensor_shapes(self, in_shape: Shape) -> dict[str, Shape]:
        """Weights, ``auxiliary`` and, where positions have numbers of their own, ``position``."""
        channels, height, width = planes(in_shape, "neunorm_conv2d")
        forms: dict[str, Shape] = {
            "folded": (self.channels, *self.kernel),
            "per_channel": (channels,),
            "full": (channels, height, width),
        }
        shapes = {**super().tensor_shapes(in_shape), "auxiliary": forms[self.form]}
        return {**shapes, "position": (height, width)} if self.position_bits else shapes

    @property
    def tensor_ranges(self) -> dict[str, Range]:
        """Of all its tensors."""
        ranges = {**super().tensor_ranges, "auxiliary": Range.of_bits(self.auxiliary_bits, signed=True)}
        if self.position_bits:
            ranges["position"] = Range.of_bits(self.position_bits, signed=False)
        return ranges

    def starts(self, in_shape: Shape) -> dict[str, float]:
        """The mean of the channels' values is subtracted from each (U = 1); of a folded form nothing.

        Of ``position`` all are the middle of what they can be.
        """
        middle = (1 << self.position_bits) / 2 if self.position_bits else 1.0
        unit = 2.0 ** (self.shift - self.decay_bits) / planes(in_shape, "neunorm_conv2d")[0]
        starts = {"auxiliary": 0.0 if self.form == "folded" else unit / middle}
        return {**starts, "position": middle} if self.position_bits else starts

    def kept_values(self, values: Range, in_shape: Shape, num_steps: int) -> Range:
        """The auxiliary neurons' states: at most ``2**decay_bits`` times what a position can send in a step."""
        return Range(lo=0, hi=planes(in_shape, "neunorm_conv2d")[0] * values.hi << self.decay_bits)

    def auxiliary_values(self, values: Range, in_shape: Shape) -> Range:
        """What a position weighs in with: its state, times its number where it has one."""
        most = self.kept_values(values, in_shape, 1).hi
        return Range(lo=0, hi=most * ((1 << self.position_bits) - 1) if self.position_bits else most)

    def folded_weights(self, tensors: Mapping[str, Integers]) -> Integers:
        """M [channels, kernel height, kernel width]: what each position's state is multiplied by; not of a full form.

        That of a per_channel form is exact, and as wide as it has to be.
        """
        import numpy as np

        if self.form == "folded":
            return tensors["auxiliary"]
        folded: Integers = np.einsum("fckl,c->fkl", tensors["weight"], tensors["auxiliary"])
        return folded

    def _auxiliary_bounds(
        self, tensors: Mapping[str, Integers], values: Range, in_shape: Shape
    ) -> tuple[Integers, Integers]:
        """The least and the greatest N of each channel; partial sums lie between."""
        import numpy as np

        most = self.auxiliary_values(values, in_shape).hi
        if self.form == "full":
            number = tensors["auxiliary"].reshape(len(tensors["auxiliary"]), -1)
            ends = [tensors["weight"] * end[:, None, None] for end in (number.min(axis=1), number.max(axis=1))]
            low, high = np.minimum(*ends), np.maximum(*ends)
        else:
            low = high = self.folded_weights(tensors)[:, None]
        return low.clip(max=0).sum(axis=(1, 2, 3)) * most, high.clip(min=0).sum(axis=(1, 2, 3)) * most

    def current_bounds(
        self, tensors: Mapping[str, Integers], values: Range, in_shape: Shape
    ) -> tuple[Integers, Integers]:
        """Those of the convolution, less what can be subtracted."""
        low, high = super().current_bounds(tensors, values, in_shape)
        positions = math.prod(self.out_shape(in_shape)[1:])
        least, most = (
            bound.repeat(positions) >> self.shift for bound in self._auxiliary_bounds(tensors, values, in_shape)
        )
        return low - most, high - least

    def largest_sums(self, tensors: Mapping[str, Integers], values: Range, in_shape: Shape) -> Integers:
        """Those of the convolution and of N together."""
        low, high = super().current_bounds(tensors, values, in_shape)
        positions = math.prod(self.out_shape(in_shape)[1:])
        least, most = (bound.repeat(positions) for bound in self._auxiliary_bounds(tensors, values, in_shape))
        return high - low + most - least

    def check_circuit(self, in_shape: Shape) -> None:
        """Raise ValueError for the full form, of which a circuit would keep a kernel for every position."""
        if self.form == "full":
            height, width = planes(in_shape, "neunorm_conv2d")[1:]
            count = self.channels * math.prod(self.kernel) * height * width
            raise ValueError(
                f"neunorm_conv2d of form 'full' would keep {count} numbers, a kernel of every channel for each of "
                f"{height} x {width} positions: train it per_channel or folded"
            )

    @property
    def text(self) -> str:
        """The convolution, and what is subtracted."""
        own = {"folded": "a kernel of every channel", "per_channel": "a number of every input channel"}
        numbers = own.get(self.form, "a number of every input")
        numbers += f" of {self.auxiliary_bits} bits"
        numbers += f" and one of every position of {self.position_bits} bits" if self.position_bits else ""
        decay = f"X = floor(X * {(1 << self.decay_bits) - 1} / {1 << self.decay_bits}) + n"
        return f"{super().text}, NeuNorm {self.form} ({numbers}, {decay}, >> {self.shift})"


def folded(model: Model, bits: int = 6) -> Model:
    """The model with the numbers of every layer of form ``per_channel`` folded over channels, into so many bits.

    M is what a channel's weights sum up to, each times its input channel's number; it is rounded in units of the
    smallest power of two with which it fits, and ``shift`` follows. Numbers of positions stay. Of a ``full`` form there
    is nothing to fold, and other layers stay as they are. Raises DescriptionError for so few bits that M does not fit.
    """
    from snnhw.model import Model

    tensors, stages = dict(model.tensors), list(model.network.stages)
    for layer in model.layers:
        own = layer.synapse
        if not isinstance(own, NeuNormConv2d) or own.form != "per_channel":
            continue
        exact, most = own.folded_weights(layer.tensors), (1 << (bits - 1)) - 1
        fitting = (lost for lost in range(own.shift + 1) if abs(exact).max() < (most + 0.5) * 2**lost)
        if (lost := next(fitting, None)) is None:
            raise DescriptionError(f"layer '{layer.name}': its folded numbers do not fit {bits} bits: give more")
        rounded = (exact / 2.0**lost).round().astype(exact.dtype)
        fields = {"form": "folded", "auxiliary_bits": bits, "shift": own.shift - lost}
        synapse = type(own).model_validate({**own.model_dump(), **fields})
        stages[layer.index] = layer.layer.model_copy(update={"synapse": synapse})
        tensors[f"{layer.name}.auxiliary"] = rounded
    network = model.network.model_copy(update={"stages": tuple(stages)})
    return Model(network, tensors, {**model.provenance, "folded_from": model.digest})


class AuxiliaryNeurons(Pool2d):
    """A neuron at each position that all channels share: what a layer with NeuNorm has inside, and no kind of its own.

    ``decay_bits`` are the layer's, ``most`` is the greatest state.
    """

    kind: str = "auxiliary"
    size: tuple[int, int] = (1, 1)
    decay_bits: int
    most: int

    def out_shape(self, in_shape: Shape) -> Shape:
        """One channel."""
        return 1, *super().out_shape(in_shape)[1:]

    def out_values(self, values: Range) -> Range:
        """The states."""
        return Range(lo=0, hi=self.most)


def spiking(layer: L) -> L:
    """The convolution of a layer with NeuNorm, without NeuNorm."""
    own = layer.synapse
    assert isinstance(own, NeuNormConv2d)
    fields = {name: getattr(own, name) for name in Conv2d.model_fields if name != "kind"}
    return _with(layer, {"synapse": Conv2d(**fields)}, layer.in_shape, layer.values, dict(layer.tensors))


def auxiliary(layer: L) -> L:
    """The convolution that gives N, of the auxiliary neurons' states; its weights are folded."""
    own = layer.synapse
    assert isinstance(own, NeuNormConv2d)
    folded = own.folded_weights(layer.tensors)[:, None]
    bits = max(1, Range(lo=min(-1, int(folded.min())), hi=int(folded.max())).width)
    fields = {name: getattr(own, name) for name in ("channels", "kernel", "stride", "padding")}
    synapse = Conv2d(**fields, weight_bits=min(bits, WIDEST_FOLDED))
    shape = (1, *planes(layer.in_shape, own.kind)[1:])
    values, neuron = own.auxiliary_values(layer.values, layer.in_shape), type(layer.neuron).integrator()
    return _with(layer, {"synapse": synapse, "bias": False, "neuron": neuron}, shape, values, {"weight": folded})


def auxiliary_neurons(layer: L) -> L:
    """The auxiliary neurons of a layer with NeuNorm: events of all channels in, their states out as events."""
    own = layer.synapse
    assert isinstance(own, NeuNormConv2d)
    synapse = AuxiliaryNeurons(decay_bits=own.decay_bits, most=own.kept_values(layer.values, layer.in_shape, 1).hi)
    return _with(layer, {"synapse": synapse, "bias": False, "neuron": None}, layer.in_shape, layer.values, {})


def _with(layer: L, fields: dict[str, Any], in_shape: Shape, values: Range, tensors: dict[str, Integers]) -> L:
    description = layer.layer.model_copy(update=fields)
    return replace(layer, layer=description, in_shape=in_shape, values=values, tensors=tensors)


register(
    NeuNormConv2d,
    golden="golden.neunorm:NeuNormConvolution",
    gateware="gateware.neunorm:NeuNormConvolution",
    timing="snnhw.timing_neunorm:NeuNormConvolution",
    training="snnhw.train.neunorm:neunorm_conv2d",
)
