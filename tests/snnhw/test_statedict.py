"""A state_dict becomes a model, and snnTorch's neurons in it keep their meaning."""

from typing import Any

import numpy as np
import pytest

from golden.network import run
from snnhw.errors import DescriptionError, ModelError
from snnhw.model import Model
from snnhw.network import CountReadout, Direct, Leak, Rate


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
    assert np.array_equal(model.layer("layer").weight, weight)
    assert model.layer("layer").bias.tolist() == [1, 2]


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


def test_modules_called_like_a_stage_of_every_circuit_are_renamed():
    state = {name.replace("fc1", "encoder").replace("fc2", "readout"): value for name, value in linears().items()}
    assert [layer.name for layer in Model.from_state_dict(state).network.stages] == ["layer_encoder", "layer_readout"]


def test_what_was_assumed_is_one_line_each_time(caplog: pytest.LogCaptureFixture):
    model = Model.from_state_dict(linears())
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert "\n" not in record.getMessage()
    assert "Linear layers in the order fc1, fc2, and nothing between" in record.getMessage()
    for phrase in (
        "threshold 1 (thresholds)",
        "no leak (betas)",
        "reset by subtraction (reset)",
        "reset in the same step (reset_delay)",
        "a spike at the threshold (comparator)",
        "scores are the last membranes (readout)",
        "8 steps (num_steps)",
        "encoder direct (encoder)",
    ):
        assert phrase in model.provenance["assumed"]
        assert phrase in record.getMessage()


def test_what_neurons_and_options_say_is_not_assumed(caplog: pytest.LogCaptureFixture):
    state = linears() | neuron("lif1", beta=0.5) | neuron("lif2", beta=0.75)
    model = Model.from_state_dict(state, num_steps=3, comparator=">", encoder=Direct())
    order, *others = model.provenance["assumed"]
    assert order.endswith("lif1, lif2, of which none inhibits others or has a quantised state, and nothing between")
    assert others == ["reset one step later (reset_delay)", "scores are spike counts (readout)"]
    del state["lif2.reset_mechanism_val"]
    assert "reset by subtraction (reset)" in Model.from_state_dict(state).provenance["assumed"]
    assert "no leak (betas)" not in Model.from_state_dict(linears(), leak=Leak()).provenance["assumed"]


def test_a_tensor_that_numpy_cannot_hold_is_named():
    class Half(Tensor):
        def cpu(self) -> "Half":
            return self

        def numpy(self) -> np.ndarray:
            raise TypeError("Got unsupported ScalarType BFloat16")

    with pytest.raises(ModelError, match=r"'fc1.weight' is no array of numbers \(.*has no attribute 'float'"):
        Model.from_state_dict(linears() | {"fc1.weight": Half(np.zeros((6, 12)))})


SQUARE = np.eye(6)
"""What could be taken for a Linear layer of the six hidden neurons."""

FOREIGN: dict[str, tuple[dict[str, Any], str]] = {
    "RLeaky": ({"a.recurrent.weight": SQUARE}, r"'a.recurrent.weight' belongs to a recurrent connection .*RLeaky"),
    "RLeaky one to one": ({"a.recurrent.V": np.ones(())}, "'a.recurrent.V' belongs to a recurrent connection"),
    "Synaptic": ({"a.alpha": np.asarray(0.5)}, "'a.alpha' belongs to a synaptic current .*train with Leaky"),
    "Lapicque": ({"a.time_step": np.ones(()), "a.C": 1, "a.R": 1}, r"'a.time_step' .*Lapicque: .*time_step / C"),
    "Lapicque, C alone": ({"a.C": np.asarray(1.0)}, r"'a.C' belongs to snnTorch's Lapicque"),
    "LinearLeaky": ({"a.tau": np.asarray(2.0)}, "'a.tau' belongs to snnTorch's LinearLeaky"),
    "SConv2dLSTM": ({"a.conv.weight": np.zeros((8, 3, 3, 3))}, "'a.conv.weight' is a part of the neuron 'a': only"),
    "a layer within a neuron": ({"a.synapse.weight": SQUARE}, "'a.synapse.weight' is a part of the neuron 'a'"),
    "deep within a neuron": ({"a.b.c.weight": SQUARE}, "'a.b.c.weight' is a part of the neuron 'a'"),
    "SLSTM": ({"a.lstm_cell.weight_ih": SQUARE}, r"weight_ih' belongs to a recurrent layer \(RNN, LSTM, GRU\)"),
    "RNN": ({"rnn.weight_hh_l0": SQUARE}, "'rnn.weight_hh_l0' belongs to a recurrent layer"),
    "pruned": ({"fc1.weight_orig": SQUARE, "fc1.weight_mask": SQUARE}, r"'fc1.weight_orig' .*prune.remove\(layer"),
    "pruned bias": ({"fc1.bias_mask": np.ones(6)}, r"prune.remove\(layer, 'bias'\)"),
    "parametrised": ({"fc1.parametrizations.weight.original0": SQUARE}, "belongs to a layer with a parametrisation"),
    "weight norm": ({"fc1.weight_g": np.ones((6, 1))}, "'fc1.weight_g' belongs to a layer with a parametrisation"),
    "batch norm": ({"bn.weight": np.ones(6), "bn.running_mean": np.ones(6)}, "batch normalisation: fold it into"),
    "batch norm without factors": ({"bn.num_batches_tracked": np.ones(())}, "'bn.num_batches.* fold it"),
    "layer norm": ({"norm.weight": np.ones(6)}, r"'norm.weight' has shape \[6\] \(normalisation or PReLU\)"),
    "scale": ({"fc1.scale": np.asarray(2.0)}, "'fc1.scale' belongs to a factor: multiply it into the weights"),
    "quantised": ({"fc1.zero_point": np.asarray(0)}, "'fc1.zero_point' belongs to a layer that torch quantised"),
    "fake quantised": ({"fc1.weight_fake_quant.min_val": np.zeros(())}, "belongs to a layer that torch quantised"),
    "attention": ({"att.in_proj_weight": SQUARE}, "'att.in_proj_weight' belongs to an attention"),
    "ParametricLIFNode": ({"plif.w": np.asarray(0.5)}, r"'plif.w' belongs to SpikingJelly's .*1 - sigmoid\(w\)"),
    "sinabs": ({"lif.v_mem": np.zeros(6)}, "'lif.v_mem' belongs to a neuron of another framework"),
    "unheard of": ({"gate.omega": np.zeros(6)}, "'gate.omega' belongs to no Linear layer and no Leaky neuron"),
    "at the top": ({"threshold": np.ones(()), "beta": np.ones(())}, "'fc1.weight' is a part of the outermost module"),
    "both at once": ({"fc1.beta": np.ones(())}, "'fc1' has a weight and beta: it must be"),
    "bias alone": ({"shift.bias": np.ones(6)}, "module 'shift' has bias and no threshold"),
    "no beta": ({"b.threshold": np.ones(())}, "module 'b' has threshold and no beta"),
    "no such reset": ({"a.reset_mechanism_val": np.asarray(3)}, "'a.reset_mechanism_val' must be 0, 1 or 2, not 3"),
}


@pytest.mark.parametrize("case", FOREIGN)
def test_what_means_something_else_is_refused_by_name(case: str):
    entries, message = FOREIGN[case]
    with pytest.raises(ModelError, match=message) as raised:
        Model.from_state_dict(linears() | neuron("a") | entries)
    assert "\n" not in str(raised.value)


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "nothing": ({}, "holds no Linear layer"),
    "convolution": (
        {"conv1.weight": np.zeros((2, 1, 3, 3))},
        r"'conv1.weight' has shape \[2, 1, 3, 3\] \(Conv2d\): only",
    ),
    "not a tensor": (linears() | {"fc1.weight": "x"}, "'fc1.weight' must be integers or floats, not str such as 'x'"),
    "one name twice": (linears() | {"FC1.weight": np.zeros((2, 4))}, "share the name 'fc1'"),
    "neurons": (linears() | neuron("a") | neuron("b") | neuron("c"), r"2 Linear layers and 3 neurons \(a, b, c\)"),
    "graded": (linears() | neuron("a") | {"a.graded_spikes_factor": np.asarray(2.0)}, "factor' must be 1"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_taken_over_is_one_line(case: str):
    state, message = BAD[case]
    with pytest.raises(ModelError, match=message) as raised:
        Model.from_state_dict(state)
    assert "\n" not in str(raised.value)


WRAPPED = {
    "compiled and parallel": ("_orig_mod.module.", ["fc1", "fc2"]),
    "parallel": ("module.", ["fc1", "fc2"]),
    "deep": ("student.model.net.", ["fc1", "fc2"]),
    "sharded": ("_fsdp_wrapped_module._orig_mod.", ["fc1", "fc2"]),
}


@pytest.mark.parametrize("case", WRAPPED)
def test_what_all_names_begin_with_is_cut(case: str):
    prefix, names = WRAPPED[case]
    state = {f"{prefix}{name}": value for name, value in (linears() | neuron("lif1")).items()}
    assert [layer.name for layer in Model.from_state_dict(state).network.stages] == names


def test_a_number_keeps_the_name_before_it():
    state = {name.replace("fc1", "net.0").replace("fc2", "net.2"): value for name, value in linears().items()}
    assert [layer.name for layer in Model.from_state_dict(state).network.stages] == ["net_0", "net_2"]
    state = {name.replace("fc1", "_orig_mod.0").replace("fc2", "_orig_mod.2"): v for name, v in linears().items()}
    assert [layer.name for layer in Model.from_state_dict(state).network.stages] == ["layer_0", "layer_2"]
    assert Model.from_state_dict({"net.fc.weight": SQUARE}).network.stages[0].name == "fc"


def test_of_a_long_name_the_end_is_kept():
    long = {"fc1": "a_backbone_of_many_words.encoder.first", "fc2": f"another.{'z' * 40}.{'y' * 40}9"}
    state = {f"{long[name[:3]]}{name[3:]}": value for name, value in linears().items()}
    assert [layer.name for layer in Model.from_state_dict(state).network.stages] == [
        "of_many_words_encoder_first",
        "y" * 31 + "9",
    ]


NESTED: dict[str, tuple[Any, str]] = {
    "a checkpoint": ({"epoch": 3, "state_dict": linears()}, r"a state_dict inside: pass \['state_dict'\] of it"),
    "the model's, not the average's": (
        {"ema": linears(), "model": linears(), "optimizer": {"state": {0: {"step": 1}}}},
        r"pass \['model'\] of it",
    ),
    "two deep": ({"a": {"weights_of_net": linears()}}, r"pass \['a'\]\['weights_of_net'\] of it"),
    "average within": (
        {"model": linears(), "ema": {"model": linears()}},
        r"pass \['model'\] of it",
    ),
    "several": (
        {"generator": linears(), "judge": linears()},
        r"several state_dicts: pass one of \['generator'\], \['judge'\]",
    ),
    "by module": (
        {"fc1": {"weight": SQUARE, "bias": np.ones(6)}, "fc2": {"weight": SQUARE}},
        "nested by module: name them 'fc1.weight' and so on",
    ),
    "a list": ([np.eye(3)], "must be a mapping of names to tensors, not list"),
    "a number for a name": ({3: np.eye(3)}, "names in a state_dict must be words, not 3"),
    "Keras": ({"dense.kernel": np.eye(3)}, r"'dense.kernel' belongs to a layer of Keras or Flax: give its transpose"),
    "transposed": (
        {"fc1.weight": np.ones((12, 6)), "fc2.weight": np.ones((6, 4))},
        r"the weights are transposed, \[in, out\]: give .T of each",
    ),
    "NaN": (linears() | neuron("lif1", beta=np.nan), "betas of layer 'fc1' must be finite, and nan is among them"),
    "negative": (linears() | neuron("lif1", threshold=-0.5), "thresholds of layer 'fc1' must be at least 0, not -0.5"),
}


@pytest.mark.parametrize("case", NESTED)
def test_what_is_no_state_dict_is_told_as_what_it_is(case: str):
    state, message = NESTED[case]
    with pytest.raises(ModelError, match=message):
        Model.from_state_dict(state)


def test_a_word_is_a_readout_and_an_encoder():
    model = Model.from_state_dict(linears() | neuron("lif1") | neuron("lif2"), readout="count", encoder="rate")
    assert model.network.readout == CountReadout()
    assert model.network.encoder == Rate()
    with pytest.raises(DescriptionError, match=r"readout: kind must be one of .* \(did you mean 'count'\?\)"):
        Model.from_state_dict(linears(), readout="counts")
