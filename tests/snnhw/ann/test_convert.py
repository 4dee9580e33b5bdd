"""What a conversion makes of weights, activations and pools, and how near it comes to the network that it is of."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from golden.network import Golden
from snnhw.ann.convert import from_ann
from snnhw.data import Dataset, load
from snnhw.errors import DescriptionError, ModelError
from snnhw.model import Model
from snnhw.network import Spike

IMAGES = np.random.default_rng(4).integers(0, 256, (40, 9, 9), np.uint8)


def chain(*pools: nn.Module, seed: int = 5) -> nn.Sequential:
    """A convolution, pools and two dense layers."""
    torch.manual_seed(seed)
    stem = nn.Sequential(nn.Conv2d(1, 3, 2), nn.ReLU(), *pools, nn.Flatten())
    with torch.no_grad():
        units = stem(torch.zeros(1, 1, 9, 9)).shape[1]
    return nn.Sequential(*stem, nn.Linear(units, 6), nn.ReLU(), nn.Linear(6, 4)).eval()


def dense(*weights: list[list[float]], biases: list[list[float]] | None = None) -> nn.Sequential:
    """Linear layers of these weights, with ReLUs between them."""
    parts: list[nn.Module] = [nn.Flatten()]
    for index, weight in enumerate(weights):
        layer = nn.Linear(len(weight[0]), len(weight))
        layer.weight.data = torch.tensor(weight)
        layer.bias.data = torch.tensor(biases[index]) if biases else torch.zeros(len(weight))
        parts += [layer, nn.ReLU()]
    return nn.Sequential(*parts[:-1])


def test_numbers_are_those_worked_out_by_hand():
    """One white pixel and one black: hidden activations are 3.5 and 0, so that 3.5 is what a spike stands for."""
    module = dense([[3.5, 0.0], [-2.5, 1.0]], [[4 / 7, 1.0]], biases=[[0.0, 0.0], [1.0]])
    data = np.array([[[255, 0]]], np.uint8)
    model = from_ann(module, data, weight_bits=4, pixel_bits=2, percentile=100.0, per_channel=False, num_steps=3)
    # A pixel's 1 of 3 stands for 1/3: weights of 7, 0, -5 and 2 steps of 1/6 each, and the threshold of 21.
    assert model.tensors["hidden1.weight"].tolist() == [[7, 0], [-5, 2]]
    assert model.tensors["hidden1.threshold"].tolist() == [21, 21]
    assert model.tensors["hidden1.initial"].tolist() == [10, 10]
    # A spike stands for 3.5: weights of 2 and 3.5, and a bias of 1, in steps of 1/2.
    assert model.tensors["output.weight"].tolist() == [[4, 7]]
    assert model.tensors["output.bias"].tolist() == [2]
    assert model.network.layers[1].neuron.threshold is None
    # Full currents fire at every step: 3 spikes, 12, and 3 biases.
    assert Golden(model).run(data).scores.tolist() == [[18]]


@pytest.mark.parametrize("rows", [True, False])
def test_weights_are_cut_off_where_they_err_least(rows: bool):
    """Of all limits that are tried, none makes the rounded weights err less; and a large weight among small is cut."""
    random = np.random.default_rng(7)
    weight = random.normal(size=(5, 200))
    weight[0, 0] = 6.0
    module = dense(weight.tolist(), random.normal(size=(2, 5)).tolist(), biases=[[0.0] * 5, [0.0] * 2])
    data = random.integers(0, 2, (50, 1, 200)).astype(np.uint8) * 255
    found = from_ann(module, data, weight_bits=4, pixel_bits=1, per_channel=rows).tensors["hidden1.weight"]

    def error(integers: np.ndarray) -> np.ndarray:
        """Least, over all scales, of each row or of all: that of the projection."""
        groups, whole = (integers, weight) if rows else (integers.reshape(1, -1), weight.reshape(1, -1))
        scale = (groups * whole).sum(axis=1, keepdims=True) / np.square(groups).sum(axis=1, keepdims=True)
        return np.square(groups * scale - whole).sum(axis=1)

    largest = np.abs(weight).max(axis=1 if rows else None, keepdims=True)
    plain = np.rint(weight / largest * 7)
    assert (error(found) <= error(plain)).all() and error(found)[0] < 0.8 * error(plain)[0]
    assert found[0, 0] == 7 and np.abs(found[0, 1:]).max() > np.abs(plain[0, 1:]).max()


def test_each_neuron_has_a_scale_of_its_own_unless_the_layer_has_one():
    module = dense([[1.0, 0.0], [0.0, 10.0]], [[1.0, 1.0]])
    data = np.array([[[255, 255]]], np.uint8)
    own = from_ann(module, data, percentile=100.0)
    assert own.tensors["hidden1.weight"].tolist() == [[7, 0], [0, 7]]
    assert own.tensors["output.weight"].tolist() == [[1, 7]]
    shared = from_ann(module, data, percentile=100.0, per_channel=False)
    assert shared.tensors["hidden1.weight"].tolist() == [[1, 0], [0, 7]]
    assert len(set(shared.tensors["hidden1.threshold"])) == 1


@pytest.mark.parametrize(("start", "most_spikes"), [("half", 1), ("zero", 1), ("half", 3)])
def test_spikes_of_a_constant_current_are_the_activation_rounded(start: str, most_spikes: int):
    """As many as the threshold fits into all currents, and half a threshold with them: none too many."""
    steps, model = 5, from_ann(chain(), IMAGES, num_steps=5, start=start, most_spikes=most_spikes, percentile=50.0)
    result = Golden(model).run(IMAGES, traces=True)
    layer, pixels = model.layers[0], IMAGES >> 4
    kernel = torch.from_numpy(layer.weight.copy()).double()
    current = functional.conv2d(torch.from_numpy(pixels).double()[:, None], kernel).flatten(1).numpy() + layer.bias
    threshold, begins = layer.parameters["threshold"], layer.parameters["initial"]
    assert (begins == (threshold // 2 if start == "half" else 0)).all()
    spikes = result.traces["conv1"].spike
    assert spikes is not None
    wanted = np.floor((steps * current + begins) / threshold).clip(0, steps * most_spikes)
    assert np.array_equal(spikes.sum(axis=0), wanted)
    assert spikes.max() == most_spikes
    assert layer.neuron.spike == (Spike() if most_spikes == 1 else Spike(kind="count", bound=most_spikes))


def synapses(model: Model) -> list[Any]:
    return [layer.synapse for layer in model.layers]


def kinds_of(model: Model) -> list[tuple[str, str]]:
    return [(layer.name, layer.synapse.kind) for layer in model.layers]


def test_a_maximum_is_taken_of_spikes_or_of_currents():
    module = chain(nn.MaxPool2d(2), nn.MaxPool2d((1, 2)))
    inhibited = from_ann(module, IMAGES)
    names = [name for name, _ in kinds_of(inhibited)]
    assert names == ["conv1", "pool1", "pool2", "hidden1", "output"]
    assert kinds_of(inhibited)[1:3] == [("pool1", "s_max_pool2d"), ("pool2", "s_max_pool2d")]
    assert synapses(inhibited)[1].lateral_inhibition and synapses(inhibited)[2].size == (1, 2)
    assert not synapses(from_ann(module, IMAGES, max_pooling="s_max"))[1].lateral_inhibition
    currents = from_ann(module, IMAGES, max_pooling="currents")
    assert [name for name, _ in kinds_of(currents)] == ["conv1", "pool1", "hidden1", "output"]
    assert (synapses(currents)[0].max_pool, synapses(currents)[1].size) == ((2, 2), (1, 2))


def test_an_average_is_a_sum_whose_division_is_in_the_weights_behind_it():
    module = chain(nn.AvgPool2d(2))
    model = from_ann(module, IMAGES, weight_bits=8, per_channel=False)
    assert kinds_of(model)[1] == ("pool1", "sum_pool2d")
    weight, limit = module.state_dict()["4.weight"].double().numpy(), _limit(module)
    scaled = weight * limit / 4
    step = max(scaled.max() / 127, scaled.min() / -128)
    assert np.array_equal(model.tensors["hidden1.weight"], np.rint(scaled / step))


def _limit(module: nn.Sequential) -> float:
    with torch.no_grad():
        stem: nn.Module = nn.Sequential(module[0], module[1]).double()
        activations = stem(torch.from_numpy(IMAGES / 255.0)[:, None])
    return float(np.percentile(activations.numpy(), 99.0))


@pytest.mark.parametrize("max_pooling", ["lateral_inhibition", "currents"])
@pytest.mark.parametrize("readout", ["membrane", "count"])
def test_with_many_steps_scores_are_the_modules(max_pooling: str, readout: str):
    """White and black pixels alone, which four bits hold, and weights of 16 bits."""
    images = (IMAGES > 127).astype(np.uint8) * 255
    module, steps = chain(nn.MaxPool2d(2)), 400
    options: dict[str, Any] = {"max_pooling": max_pooling, "readout": readout, "percentile": 100.0}
    model = from_ann(module, images, num_steps=steps, weight_bits=16, per_channel=False, **options)
    found = Golden(model).run(images).scores
    with torch.no_grad():
        wanted = module.double()(torch.from_numpy(images / 255.0)[:, None]).numpy()
    if readout == "count":
        wanted = wanted.clip(min=0)
    scale = (found * wanted).sum() / (found * found).sum()
    assert np.abs(found * scale - wanted).max() < 0.02 * np.abs(wanted).max()


def test_data_may_be_floats_tensors_or_a_dataset():
    module = chain()
    bright, wanted = IMAGES / 255.0, from_ann(module, IMAGES).digest
    assert from_ann(module, torch.from_numpy(bright).requires_grad_()).digest == wanted
    assert from_ann(module, IMAGES[:, None]).digest == from_ann(module, bright[:, None]).digest
    assert from_ann(module, Dataset(IMAGES, None, "made up")).digest == wanted


def test_a_channel_that_is_never_active_on_the_data_still_reaches_the_next_layer():
    """Its spikes stand for what those of the layer's most active channel do."""
    module = dense([[1.0, 0.0], [0.0, 1.0]], [[1.0, 0.0], [0.0, 2.0]])
    data = np.array([[[255, 0]]] * 95 + [[[0, 255]]] * 5, np.uint8)
    model = from_ann(module, data, percentile=90.0, zeros=True, weight_bits=8)
    assert model.tensors["output.weight"].tolist() == [[64, 0], [0, 127]]
    assert Golden(model).run(data[[0, -1]]).classes.tolist() == [0, 1]


def test_counts_of_classes_stand_for_the_same():
    module = dense([[1.0, 0.0], [0.0, 1.0]], [[0.14, 0.08], [0.7, 0.6]])
    model = from_ann(module, np.full((1, 1, 2), 255, np.uint8), readout="count", num_steps=20, percentile=100.0)
    # Sums of .22 and 1.3, and 1.3 for a spike: in steps of each row 11 of 65 and 13 of 13, and half a threshold first.
    assert model.tensors["output.weight"].tolist() == [[7, 4], [7, 6]]
    assert model.tensors["output.threshold"].tolist() == [65, 13]
    assert Golden(model).run(np.full((1, 1, 2), 255, np.uint8)).scores.tolist() == [
        [(20 * 11 + 32) // 65, (20 * 13 + 6) // 13]
    ]


def test_a_trained_module_keeps_its_accuracy():
    dataset = load("sample", limit=300)
    assert dataset.labels is not None
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(1, 8, 5, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Linear(512, 10))
    pixels, labels = torch.from_numpy(dataset.images / 255.0).float()[:, None], torch.from_numpy(dataset.labels.copy())
    optimiser = torch.optim.Adam(module.parameters(), 0.02)
    for _ in range(20):
        optimiser.zero_grad()
        torch.autograd.backward(functional.cross_entropy(module(pixels), labels))
        optimiser.step()
    module.eval()
    with torch.no_grad():
        correct = int((module(pixels).argmax(1) == labels).sum())
    model = Model.from_ann(module, dataset.images, num_steps=4)
    converted = int((Golden(model).run(dataset.images).classes == dataset.labels).sum())
    assert correct > 0.95 * len(labels)
    assert converted > correct - 0.02 * len(labels)
    assert model.provenance["converted"]["percentile"] == 90.0


def test_a_percentile_is_of_the_activations_above_0_unless_all_count():
    """Pixels of 0, 60, ..., 240: the unit gives as many 255ths less 1, so that one image of five counts not."""
    module = dense([[255.0]], [[1.0]], biases=[[-1.0], [0.0]])
    data = (np.arange(5, dtype=np.uint8) * 60)[:, None, None]
    steps = {zeros: from_ann(module, data, percentile=50.0, zeros=zeros, weight_bits=8) for zeros in (False, True)}
    # The median of 59, 119, 179 and 239 is 149, and with the 0 it is 119: a pixel's unit, a 15th, is 17, or 127 steps.
    assert steps[False].tensors["hidden1.threshold"].tolist() == [math.ceil(149 * 127 / 17)]
    assert steps[True].tensors["hidden1.threshold"].tolist() == [119 * 127 // 17]


DEAD = dense([[-1.0, -1.0]], [[1.0]])
WRONG: dict[str, tuple[Any, Any, dict[str, Any], str]] = {
    "dead": (
        DEAD,
        np.full((1, 1, 2), 99, np.uint8),
        {},
        "layer 'hidden1' is dead: all its activations on the data are not above 0",
    ),
    "no class fires": (
        dense([[1.0, 0.0]], [[-1.0]]),
        np.full((1, 1, 2), 255, np.uint8),
        {"readout": "count"},
        r"layer 'output' is dead: .*; read membranes instead \(readout\)",
    ),
    "another shape": (chain(), np.full((2, 5, 5), 99, np.uint8), {}, r"images of \[5, 5\] do not suit the module"),
    "no images": (chain(), np.zeros((0, 9, 9), np.uint8), {}, "at least one image"),
    "dark": (chain(), np.ones((4, 9, 9), np.uint8), {}, "highest 4 bits of all pixels are 0: .* greatest pixel is 1"),
    "wide integers": (chain(), np.full((4, 9, 9), 200), {}, "must be uint8, or floats in 0 .. 1, not int64"),
    "no numbers": (chain(), np.full((4, 9, 9), np.nan), {}, "floats of data must lie in 0 .. 1, not nan"),
    "ragged": (chain(), [[[1.0]], [[1.0, 2.0]]], {}, "data must be an array of images"),
    "nothing": (chain(), None, {}, "data must be images"),
    "no module": ({"weight": 1}, IMAGES, {}, "must be a torch.nn.Module, not dict"),
    "flat": (chain(), np.zeros((3, 81), np.uint8), {}, r"data must be images .* not \[3, 81\]"),
    "normalised": (chain(), np.full((3, 9, 9), -0.4), {}, "must lie in 0 .. 1, not -0.4 .. -0.4: .* not normalised"),
    "no percentile": (chain(), IMAGES, {"percentile": 0}, "percentile"),
    "no pooling": (chain(), IMAGES, {"max_pooling": "mean"}, "max_pooling"),
    "mistyped": (chain(), IMAGES, {"num_step": 3}, "there is no key 'num_step'"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_said_in_a_line(case: str):
    module, data, options, complaint = WRONG[case]
    with pytest.raises((ModelError, DescriptionError), match=complaint) as error:
        from_ann(module, data, **options)
    assert "\n" not in str(error.value)
