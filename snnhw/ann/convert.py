"""A trained artificial network becomes a spiking one: ``Model.from_ann``.

Where a unit of the network gives a, clipped at 0, a neuron that integrates the same currents and loses its threshold
with every spike sends about a / threshold spikes a step. So each stage is scaled: its threshold is the activation below
which ``percentile`` of its units lie on data, in the units of what reaches it, and a spike stands for that activation
in the weights that read it (Diehl et al. 2015, doi:10.1109/IJCNN.2015.7280696; Rueckauer et al. 2017,
doi:10.3389/fnins.2017.00682). Then weights, bias, threshold and start are made integers together.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from pydantic import ConfigDict, Field, ValidationError
from torch import nn

from snnhw.ann.activations import check_equal, largest
from snnhw.ann.module import Pool, Stage, short, stages_of
from snnhw.data import Dataset
from snnhw.errors import DescriptionError, ModelError
from snnhw.kinds import Frozen
from snnhw.model import Model
from snnhw.network import (
    PER_CHANNEL,
    PER_NEURON,
    Conv2d,
    CountReadout,
    Dense,
    Direct,
    Layer,
    Leak,
    MembraneReadout,
    Network,
    Neuron,
    SMaxPool2d,
    Spike,
    SumPool2d,
    first_complaint,
)
from snnhw.quantise import LayerNumbers, coarse_numbers, quantised, with_least_error

__all__ = ["AnnOptions", "from_ann"]

LOG = logging.getLogger(__name__)
"""Says what was assumed, and what became less exact."""

Array = NDArray[np.float64]


class AnnOptions(Frozen):
    """How a network is converted."""

    model_config = ConfigDict(strict=True)

    num_steps: int = Field(default=4, ge=1, le=4096)
    weight_bits: int = Field(default=4, ge=2, le=16)
    pixel_bits: int = Field(default=4, ge=1, le=8)
    """The highest bits of a pixel, which the first layer takes."""
    percentile: float = Field(default=90.0, gt=0, le=100)
    """The part of a stage's activations on the data, in per cent, that a spike a step can stand for; what lies above
    is cut off, but for bursts."""
    zeros: bool = False
    """Whether activations that are 0 count in the percentile. Where most are, as with neurons that know a single class,
    the others are few, and a percentile of all lies among the least of them, or at 0."""
    per_channel: bool = True
    """Whether each channel (each neuron of a dense layer) has a threshold of its own, or a layer one."""
    start: Literal["half", "zero"] = "half"
    """Where membranes start: at half the threshold, which rounds to nearest, or at 0."""
    most_spikes: int = Field(default=1, ge=1, le=255)
    """Spikes that a neuron can send in a step, as one event (a burst): gamma."""
    max_pooling: Literal["lateral_inhibition", "s_max", "currents"] = "lateral_inhibition"
    """How a maximum is taken: by what the greatest sum of a window's spikes has grown; of the unit that has sent most;
    or of the currents before the neurons, where a convolution stands right before it."""
    readout: Literal["membrane", "count"] = "membrane"
    """What the classes' scores are: the membranes of neurons that never fire, or the spikes of those that do."""
    images: int = Field(default=2000, ge=1)
    """How many images of the data are looked at, evenly among all."""


def from_ann(module: nn.Module, data: ArrayLike | torch.Tensor | Dataset, **options: Any) -> Model:
    """The spiking network of a trained module; ``options`` are those of :class:`AnnOptions`.

    Args:
        module: in the order that :func:`snnhw.ann.module.stages_of` finds.
        data: training images as the network takes them, uint8 [N, height, width] or [N, channels, height, width], of
            which white is 1 to the module; the same as floats in 0 .. 1; or a dataset of them.
        options: as keywords.

    Raises ModelError or DescriptionError, one line each.
    """
    try:
        chosen = AnnOptions.model_validate(options)
    except ValidationError as error:
        raise DescriptionError(first_complaint(error)) from error
    stages, images = stages_of(module), _images(data, chosen)
    check_equal(module, stages, images)
    limits = largest(stages, images, chosen.percentile, per_channel=chosen.per_channel, zeros=chosen.zeros)
    if chosen.readout == "count":  # spikes of classes are compared, so that all of them stand for the same
        limits[-1] = np.full_like(limits[-1], limits[-1].max())
    # A channel without a limit above 0, such as one that is never active on the data, gets the layer's greatest.
    limits = [np.where(limit > 0, limit, limit.max()) for limit in limits]
    return converted(stages, limits, images.shape[1:], chosen)


def converted(
    stages: tuple[Stage, ...], limits: list[Array], input_shape: tuple[int, ...], chosen: AnnOptions
) -> Model:
    """The spiking network of stages whose outputs have these ``limits``, [out] of each."""
    encoder = Direct(bits=chosen.pixel_bits)
    values = np.full(1, encoder.unit)
    layers: list[Layer] = []
    tensors: dict[str, Any] = {}
    pools = 0
    for stage, limit in zip(stages, limits, strict=True):
        numbers = _numbers(stage, limit, chosen)
        inputs = numbers.weight.shape[1]
        per_input = np.broadcast_to(values.repeat(inputs // len(values)), inputs)
        rows = chosen.per_channel and numbers.threshold is not None
        integers, scale = quantised(with_least_error(numbers, per_input, rows), per_input, rows, ">=")
        if phrases := coarse_numbers(numbers, integers, scale):
            LOG.warning("layer '%s': %s; more weight_bits make its steps finer", stage.name, ", ".join(phrases))
        layer, own = _layer(stage, integers, chosen)
        layers.append(layer)
        tensors |= {f"{stage.name}.{name}": value for name, value in own.items()}
        values = limit
        for pool in stage.pools[_pools_in(stage, chosen) :]:
            pools += 1
            layers.append(_pool(f"pool{pools}", pool, chosen))
            values = values / (np.prod(pool.size) if pool.kind == "average" else 1)
    try:
        network = Network(
            input_shape=input_shape,
            encoder=encoder,
            stages=tuple(layers),
            readout=MembraneReadout() if chosen.readout == "membrane" else CountReadout(),
            num_steps=chosen.num_steps,
        )
    except ValidationError as error:
        raise DescriptionError(first_complaint(error)) from error
    return Model(network, tensors, {"converted": chosen.model_dump(mode="json")})


def _numbers(stage: Stage, limit: Array, chosen: AnnOptions) -> LayerNumbers:
    """A stage's numbers in its own units; the last one has no threshold where membranes are read."""
    fires = stage.clipped or chosen.readout == "count"
    if fires and limit.max() <= 0:
        advice = "give another percentile, or other data" if stage.clipped else "read membranes instead (readout)"
        raise ModelError(
            f"layer '{stage.name}' is dead: {f'{chosen.percentile:g} % of' if chosen.zeros else 'all'} its activations "
            f"on the data are not above 0; {advice}"
        )
    return LayerNumbers(
        name=stage.name,
        weight=stage.weight.reshape(len(stage.weight), -1),
        bias=stage.bias,
        threshold=limit if fires else None,
        reset_amount=None,
        leak=Leak(),
        leak_amount=None,
        beta=None,
        initial=np.zeros(()),
        reset="subtract" if fires else "none",
        reset_delay=False,
        refractory=0,
        spike=_spike(chosen) if fires else Spike(),
        membrane=None,
        weight_bits=chosen.weight_bits,
    )


def _spike(chosen: AnnOptions) -> Spike:
    return Spike() if chosen.most_spikes == 1 else Spike(kind="count", bound=chosen.most_spikes)


def _layer(stage: Stage, integers: LayerNumbers, chosen: AnnOptions) -> tuple[Layer, Mapping[str, Any]]:
    """The description of a layer, and its tensors."""
    weight = integers.weight.reshape(stage.weight.shape)
    each = PER_CHANNEL if stage.is_convolution else PER_NEURON
    tensors: dict[str, Any] = {"weight": weight, "bias": integers.bias}
    neuron = Neuron.integrator()
    if integers.threshold is not None:
        tensors["threshold"] = threshold = integers.threshold.clip(min=1)
        neuron = Neuron(threshold=each, spike=integers.spike)
        if chosen.start == "half":
            tensors["initial"] = threshold // 2
            neuron = neuron.model_copy(update={"initial": each})
    if stage.is_convolution:
        pools = stage.pools[: _pools_in(stage, chosen)]
        synapse: Any = Conv2d(
            channels=len(weight),
            kernel=weight.shape[2:],
            stride=stage.stride,
            padding=stage.padding,
            weight_bits=chosen.weight_bits,
            max_pool=pools[0].size if pools else (1, 1),
        )
    else:
        synapse = Dense(units=len(weight), weight_bits=chosen.weight_bits)
    integer = {name: np.asarray(value).astype(np.int64) for name, value in tensors.items()}
    return Layer(name=stage.name, synapse=synapse, bias=True, neuron=neuron), integer


def _pools_in(stage: Stage, chosen: AnnOptions) -> int:
    """How many of a stage's pools are of its currents: a maximum right behind a convolution, where that is chosen."""
    return int(chosen.max_pooling == "currents" and bool(stage.pools) and stage.pools[0].kind == "max")


def _pool(name: str, pool: Pool, chosen: AnnOptions) -> Layer:
    """A layer of its own, of spikes."""
    if pool.kind == "average":
        return Layer(name=name, synapse=SumPool2d(size=pool.size), bias=False)
    inhibits = chosen.max_pooling != "s_max"
    return Layer(name=name, synapse=SMaxPool2d(size=pool.size, lateral_inhibition=inhibits), bias=False)


def _images(data: Any, chosen: AnnOptions) -> Array:
    """Some of the images, evenly among all, white being 1."""
    images = _array(data.images if isinstance(data, Dataset) else data)
    if images.ndim not in (3, 4):
        raise ModelError(
            f"data must be images [N, height, width] or [N, channels, height, width], not {list(images.shape)}"
        )
    if not len(images):
        raise ModelError("data must hold at least one image")
    some = images[np.linspace(0, len(images) - 1, min(chosen.images, len(images))).astype(int)]
    if some.dtype == np.uint8:
        if not (some >> (8 - chosen.pixel_bits)).any():
            raise ModelError(
                f"the highest {chosen.pixel_bits} bits of all pixels are 0: white must be 255, and the greatest pixel "
                f"is {some.max()}"
            )
        return np.asarray(some / 255.0)
    if some.dtype.kind != "f":
        raise ModelError(f"data must be uint8, or floats in 0 .. 1, not {some.dtype}")
    if not (np.isfinite(some).all() and some.min() >= 0 and some.max() <= 1):
        raise ModelError(
            f"floats of data must lie in 0 .. 1, not {some.min():g} .. {some.max():g}: a circuit takes pixels that are "
            "not normalised"
        )
    return np.asarray(some, np.float64)


def _array(data: Any) -> NDArray[Any]:
    """An array of whatever holds numbers."""
    try:
        if isinstance(data, torch.Tensor):
            data = data.detach().cpu()
            return np.asarray(data.float().numpy() if data.dtype == torch.bfloat16 else data.numpy())
        return np.asarray(data)
    except (TypeError, ValueError, RuntimeError, NotImplementedError) as error:
        raise ModelError(f"data must be an array of images: {short(error)}") from error
