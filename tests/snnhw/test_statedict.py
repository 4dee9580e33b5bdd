"""A state_dict becomes a model, and snnTorch's neurons in it keep their meaning."""

from typing import Any

import numpy as np
import pytest

from golden.network import run
from snnhw.errors import ModelError
from snnhw.model import Model
from snnhw.network import CountReadout, Direct, Leak


class Tensor:
    """What a torch tensor on a device shows of itself."""

    def __init__(self, values: Any, place: str = "gpu") -> None:
        self.values, self.place = np.asarray(values), place

    def detach(self) -> "Tensor":
        return self

    def cpu(self) -> "Tensor":
        return Tensor(self.values, "cpu")

    def numpy(self) -> np.ndarray:
        assert self.place == "cpu"
        return self.values


def linears() -> dict[str, Any]:
    rng = np.random.default_rng(3)
    return {
        "fc1.weight": Tensor(rng.normal(size=(6, 12)).astype(np.float32)),
        "fc1.bias": Tensor(rng.normal(size=6).astype(np.float32) / 10),
        "fc2.weight": Tensor(rng.normal(size=(4, 6)).astype(np.float32)),
    }


def neuron(name: str, beta: float = 0.9, threshold: float = 1.0, reset: int = 0) -> dict[str, Any]:
    """The entries that snnTorch's ``Leaky`` keeps."""
    return {
        f"{name}.threshold": Tensor(threshold),
        f"{name}.graded_spikes_factor": Tensor(1.0),
        f"{name}.reset_mechanism_val": Tensor(reset),
        f"{name}.beta": Tensor(beta),
    }


def test_linear_layers_in_order():
    model = Model.from_state_dict(linears(), thresholds=0.7, num_steps=5)
    first, second = model.network.stages
    assert (first.name, first.bias, second.name, second.bias) == ("fc1", True, "fc2", False)
    assert not second.neuron.fires
    assert model.network.num_steps == 5
    assert list(model.provenance["scales"]) == ["fc1", "fc2"]


def test_integers_are_taken_as_they_are():
    weight = np.arange(-3, 3).reshape(2, 3)
    model = Model.from_state_dict({"weight": weight, "bias": [1, 2]}, thresholds=3, readout=CountReadout())
    assert np.array_equal(model.weight("layer"), weight)
    assert model.bias("layer").tolist() == [1, 2]


def snntorch(inputs: np.ndarray, state: dict[str, Any], steps: int) -> np.ndarray:
    """Spike counts of Linear, Leaky, Linear, Leaky in snnTorch's order of operations, written in NumPy.

    The reset is found before the update, from a membrane that lies strictly above the threshold.
    """
    weights = [state["fc1.weight"].values, state["fc2.weight"].values]
    biases = [state["fc1.bias"].values, 0.0]
    membranes = [np.zeros((len(inputs), len(weight))) for weight in weights]
    counts = np.zeros_like(membranes[1])
    for _ in range(steps):
        values = inputs
        for index, weight in enumerate(weights):
            beta, threshold = (float(state[f"lif{index + 1}.{name}"].values) for name in ("beta", "threshold"))
            removed = (membranes[index] > threshold) * threshold
            membranes[index] = beta * membranes[index] + values @ weight.T + biases[index] - removed
            values = (membranes[index] > threshold).astype(float)
        counts += values
    return counts


def test_snntorch_neurons_keep_their_meaning():
    state = linears() | neuron("lif1", beta=0.75, threshold=1.2) | neuron("lif2", beta=0.5)
    model = Model.from_state_dict(state, weight_bits=14, num_steps=10)
    assert model.network.readout == CountReadout()
    assert all(layer.neuron.reset_delay for layer in model.network.stages)
    samples = np.random.default_rng(4).integers(0, 256, (100, 12), dtype=np.uint8)
    counts = snntorch(samples / 255, state, 10)
    assert counts.max() > 2
    assert (run(model, samples).scores == counts).mean() > 0.97


def test_a_last_neuron_that_never_resets_is_read_by_its_membrane():
    model = Model.from_state_dict(
        linears() | neuron("lif1") | neuron("lif2", beta=0.5, reset=2), encoder=Direct(bits=4)
    )
    assert model.network.readout.kind == "membrane"
    assert model.network.stages[1].neuron.leak == Leak(kind="shift", bits=1)
    fires = Model.from_state_dict(linears() | neuron("lif1") | neuron("lif2", reset=2), readout=CountReadout())
    assert fires.network.stages[1].neuron.reset == "none"


def test_a_last_layer_without_neuron_is_read_by_its_membrane():
    model = Model.from_state_dict(linears() | neuron("lif1", reset=1))
    assert model.network.stages[0].neuron.reset == "zero"
    assert not model.network.stages[1].neuron.fires


def test_the_callers_options_win():
    model = Model.from_state_dict(linears() | neuron("lif1"), reset_delay=False, comparator=">=")
    assert not model.network.stages[0].neuron.reset_delay
    assert model.network.stages[0].neuron.reset_amount is None


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "nothing": ({}, "holds no Linear layer"),
    "convolution": ({"conv1.weight": np.zeros((2, 1, 3, 3))}, r"'conv1.weight' has shape \[2, 1, 3, 3\]: only Linear"),
    "another module": (linears() | {"bn.running_mean": np.zeros(2)}, "'bn.running_mean' belongs to no Linear layer"),
    "not a tensor": (linears() | {"fc1.weight": "x"}, "'fc1.weight' must be a tensor of numbers, not str"),
    "one name twice": (linears() | {"FC1.weight": np.zeros((2, 4))}, "share the name 'fc1'"),
    "neurons": (linears() | neuron("a") | neuron("b") | neuron("c"), r"2 Linear layers and 3 neurons \(a, b, c\)"),
    "graded": (linears() | neuron("a") | {"a.graded_spikes_factor": np.asarray(2.0)}, "factor must be 1"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_taken_over_is_one_line(case: str):
    state, message = BAD[case]
    with pytest.raises(ModelError, match=message) as raised:
        Model.from_state_dict(state)
    assert "\n" not in str(raised.value)
