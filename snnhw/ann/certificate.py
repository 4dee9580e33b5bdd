"""The artificial network that a spiking one stands for, and whether both give every image the same class.

Each layer of the artificial network gives at once what the spiking layer sends in all steps together: a count,
``clip(floor((total + start) / threshold), 0, num_steps * bound)``, a quantised and clipped activation (Bu et al. 2022,
ICLR, "Optimal ANN-SNN conversion for high-accuracy and ultra-low-latency spiking neural networks"). ``total`` is the
sum of the layer's currents, ``start`` the initial membrane, ``bound`` the most spikes of a step. Weights and biases are
the model's integers in float64, which holds every number that can occur.

Both are the same function, whatever the image, in two cases:

- **One step.** A neuron has all of its current before it fires once: ``k`` spikes where ``k`` is the number of
  ``threshold * i``, i = 1 .. bound, that its membrane reaches, which is the activation above.
- **One layer that fires**, whose current c is the same at every step and whose neurons start at s, 0 <= s < threshold;
  behind it only what adds up over steps: sums of windows, maxima of windows by lateral inhibition, which send what the
  greatest sum has grown by, and last the weighted sum in the membranes that are read. While no step asks for more than
  ``bound`` spikes, what is left after each is s + t * c less all spikes' thresholds, and below a threshold: the spikes
  are the floor above where c >= 0, and none where c < 0, as s < threshold. A step asks for more only where what was
  left, below a threshold, and c reach ``(bound + 1) * threshold``; then c > bound * threshold, and so each step sends
  ``bound``, to which the floor, at least ``num_steps * bound``, is clipped.

Over several steps a second layer that fires sees spikes in an order that counts know nothing of: there the two networks
are compared, and nothing is certified.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from golden.encoder import encode
from golden.network import Golden
from golden.readout import Readout
from snnhw.convolution import planes
from snnhw.data import Dataset, check_images, check_labels
from snnhw.errors import DescriptionError, ModelError
from snnhw.model import Model, ModelLayer
from snnhw.network import Conv2d, Dense, MaxPool2d, Network, Range, SMaxPool2d, SumPool2d, Synapse
from snnhw.tables import Table
from snnhw.train.folded import check_counted
from snnhw.wording import digits, percent, shown

__all__ = ["Activation", "Certificate", "artificial", "certify", "proof"]

_TOGETHER = 500
_EXACT = 1 << 52
"""Float64 divides and rounds down exactly below this."""
_NAMED = 5
"""Images that a table names, at most."""


@dataclass(frozen=True)
class Certificate:
    """What an artificial network and its spiking one made of a dataset."""

    dataset: str
    images: int
    certified: bool
    """Whether both are the same function by construction."""
    reason: str
    """Why they are, or need not be."""
    differing: tuple[int, ...]
    """The images whose classes differ, counted from 0."""
    scores_differing: int
    """Images of which any score differs."""
    ann_correct: int | None
    """None where the labels are not known, as ``correct``."""
    correct: int | None
    """Of the spiking network."""

    def __repr__(self) -> str:
        word = "certified" if self.certified else "not certified"
        return shown(self, word, self.dataset, f"{self.images} images", f"{len(self.differing)} classes differ")

    @property
    def refuted(self) -> bool:
        """Whether a network that is certified gave any other score: a fault of golden or of the artificial network."""
        return self.certified and self.scores_differing > 0

    def record(self) -> dict[str, Any]:
        """The certificate as plain data for JSON."""
        return asdict(self)

    @property
    def table(self) -> Table:
        """The certificate for people."""
        first = ", ".join(str(index) for index in self.differing[:_NAMED])
        more = ", ..." if len(self.differing) > _NAMED else ""
        rows = [
            ("certified", f"{'yes' if self.certified else 'no'}: {self.reason}"),
            ("images", f"{digits(self.images)} of {self.dataset}"),
            ("classes that differ", f"{digits(len(self.differing))}{f' (images {first}{more})' if first else ''}"),
            ("scores that differ", f"of {digits(self.scores_differing)} images"),
        ]
        if self.ann_correct is not None and self.correct is not None:
            rows.append(("artificial network", f"{percent(self.ann_correct, self.images)} correct"))
            rows.append(("spiking network", f"{percent(self.correct, self.images)} correct"))
        return Table(tuple(rows))


class Activation(nn.Module):
    """``clip(floor((total + start) / threshold), 0, most)``, with a threshold and a start of every unit [out, ...]."""

    threshold: Tensor
    start: Tensor

    def __init__(self, threshold: Tensor, start: Tensor, most: int) -> None:
        super().__init__()
        self.register_buffer("threshold", threshold)
        self.register_buffer("start", start)
        self.most = most

    def forward(self, total: Tensor) -> Tensor:
        """The activations of totals [B, out, ...]."""
        counts = torch.div(total + self.start, self.threshold, rounding_mode="floor")
        return counts.clamp(0, self.most)

    def extra_repr(self) -> str:
        """What torch shows of it."""
        return f"0..{self.most}"


def artificial(model: Model) -> nn.Sequential:
    """The artificial network of a model: scores [B, classes] of inputs [B, inputs] as :func:`input_counts` gives them.

    Raises DescriptionError where counts over all steps stand for nothing in the network, and ModelError where its
    numbers are too large.
    """
    check_counted(model.network)
    modules: list[nn.Module] = []
    for layer in model.layers:
        _check_exact(layer)
        if layer.index == 0 and layer.synapse.channelled:
            modules.append(nn.Unflatten(1, planes(layer.in_shape, "an artificial network")))
        modules += _synapse(layer)
        if layer.has_neuron and layer.neuron.fires:
            threshold, start = (_of_units(layer, name) for name in ("threshold", "initial"))
            most = layer.network.num_steps * layer.neuron.spike.count_range.hi
            modules.append(Activation(threshold, start, most))
    return nn.Sequential(*modules, *([nn.Flatten()] if len(layer.out_shape) > 1 else []))


def _synapse(layer: ModelLayer) -> list[nn.Module]:
    """The modules that give a layer's totals, or its windows' values."""
    made = _MODULES.get(type(layer.synapse))
    if made is None:
        raise DescriptionError(
            f"no artificial network is known for layer '{layer.name}' of kind '{layer.synapse.kind}'"
        )
    return made(layer)


def _conv2d(layer: ModelLayer) -> list[nn.Module]:
    synapse: Any = layer.synapse
    channels, padding = planes(layer.in_shape, "an artificial network")[0], (synapse.padding[0], synapse.padding[1])
    with torch.device("meta"):  # without the random weights that torch would draw
        made = nn.Conv2d(channels, synapse.channels, synapse.kernel, synapse.stride, padding)
    pool = [nn.MaxPool2d(synapse.max_pool)] if synapse.max_pool != (1, 1) else []
    return [_filled(made, layer), *pool]


def _dense(layer: ModelLayer) -> list[nn.Module]:
    with torch.device("meta"):
        made = nn.Linear(math.prod(layer.in_shape), layer.units)
    flat = [nn.Flatten()] if layer.index and len(layer.in_shape) > 1 else []
    return [*flat, _filled(made, layer)]


def _sum_pool(layer: ModelLayer) -> list[nn.Module]:
    synapse: Any = layer.synapse
    return [nn.AvgPool2d(synapse.size, divisor_override=1)]


def _max_pool(layer: ModelLayer) -> list[nn.Module]:
    synapse: Any = layer.synapse
    return [nn.MaxPool2d(synapse.size)]


_MODULES: Mapping[type[Synapse], Callable[[Any], list[nn.Module]]] = MappingProxyType(
    {Conv2d: _conv2d, Dense: _dense, SumPool2d: _sum_pool, MaxPool2d: _max_pool, SMaxPool2d: _max_pool}
)
"""What stands for synapses of each kind; others have no artificial counterpart."""


def _filled(weights: nn.Conv2d | nn.Linear, layer: ModelLayer) -> nn.Module:
    """The module with a layer's integers: its bias comes at every step, and its start once where it never fires."""
    bias = layer.network.num_steps * layer.tensors.get("bias", np.zeros(layer.channels, np.int64))
    if not layer.neuron.fires:
        bias = bias + _shared_start(layer)
    weights.weight, weights.bias = (
        nn.Parameter(torch.from_numpy(numbers.astype(np.float64)), requires_grad=False)
        for numbers in (layer.weight, bias)
    )
    return weights


def _shared_start(layer: ModelLayer) -> NDArray[np.int64]:
    """The initial membrane of each channel; raises DescriptionError where the neurons of one start apart."""
    start = layer.parameters["initial"].reshape(layer.channels, -1)
    if (start != start[:, :1]).any():
        raise DescriptionError(f"neurons of a channel of layer '{layer.name}' must start alike, to be read as a bias")
    return start[:, 0]


def _of_units(layer: ModelLayer, name: str) -> Tensor:
    """A neuron's parameter in the shape of what the layer gives."""
    return torch.from_numpy(layer.parameters[name].astype(np.float64).reshape(layer.out_shape))


def _check_exact(layer: ModelLayer) -> None:
    """Raise ModelError where float64 may not hold a layer's totals."""
    if not layer.has_neuron:
        return
    steps = layer.network.num_steps
    values = Range(lo=0, hi=steps * layer.values.hi)
    sums = layer.synapse.largest_sums(layer.tensors, values, layer.in_shape) + steps * np.abs(layer.bias)
    largest = int(sums.max()) + max(int(np.abs(value).max()) for value in layer.parameters.values())
    if largest > _EXACT:
        raise ModelError(f"the totals of layer '{layer.name}' need {largest.bit_length()} bits, float64 has 52")


def input_counts(network: Network, samples: NDArray[np.uint8]) -> Tensor:
    """What reaches the first layer in all steps together, float64 [B, inputs], of samples uint8 [B, inputs]."""
    total = sum(step.astype(np.int64) for step in encode(network, samples))
    return torch.from_numpy(np.asarray(total, np.float64) * (network.num_steps if network.constant_input else 1))


def proof(model: Model) -> tuple[bool, str]:
    """Whether a model and its artificial network are the same function, and why, see the module.

    Raises DescriptionError where the model stands for none.
    """
    network = model.network
    check_counted(network)
    if network.num_steps == 1:
        return True, "in one step each neuron has all of its current before it fires"
    first, *later = model.layers
    if not network.constant_input:
        return False, f"the encoder '{network.encoder.kind}' sends other events at each of {network.num_steps} steps"
    for layer in later:
        if not layer.synapse.adds_up or (layer.has_neuron and layer.neuron.fires):
            return False, f"over {network.num_steps} steps the order of spikes matters to layer '{layer.name}'"
    if first.neuron.fires:
        start, threshold = first.parameters["initial"], first.parameters["threshold"]
        if not ((start >= 0) & (start < threshold)).all():
            return False, f"neurons of layer '{first.name}' start below 0, or not below their thresholds"
    return True, "at most one layer fires, at a constant current, and the membranes that are read add up its spikes"


@torch.no_grad()
def certify(model: Model, dataset: Dataset, *, on_progress: Callable[[int, int], None] | None = None) -> Certificate:
    """Run a model's artificial network and golden on a dataset, and compare their classes and scores.

    Raises as :func:`artificial` does, and DatasetError where images or labels do not fit the network.
    """
    network = model.network
    ann = artificial(model)
    images, labels = check_images(dataset, network), check_labels(dataset, network.classes)
    golden, readout = Golden(model), Readout(network)
    parts = []
    for start in range(0, len(images), _TOGETHER):
        samples = images[start : start + _TOGETHER]
        given = ann(input_counts(network, samples.reshape(len(samples), -1))).numpy().astype(np.int64)
        wanted = golden.run(samples)
        parts.append((readout.choose(given), wanted.classes, (given != wanted.scores).any(axis=1)))
        if on_progress is not None:
            on_progress(start + len(samples), len(images))
    ann_classes, classes, other_scores = (np.concatenate(each) for each in zip(*parts, strict=True))
    certified, reason = proof(model)
    return Certificate(
        dataset=dataset.name,
        images=len(images),
        certified=certified,
        reason=reason,
        differing=tuple(np.flatnonzero(ann_classes != classes).tolist()),
        scores_differing=int(other_scores.sum()),
        ann_correct=None if labels is None else int((ann_classes == labels).sum()),
        correct=None if labels is None else int((classes == labels).sum()),
    )
