"""Golden's traces as arrays and files."""

from pathlib import Path

import numpy as np
import pytest

from golden.network import run
from snnhw.errors import OutputError
from snnhw.model import Model
from snnhw.network import SMaxPool2d
from snnhw.traces import save_traces, trace_arrays
from tests.convolutions import model as layered
from tests.convolutions import network


def model() -> Model:
    weights = [np.arange(-6, 6).reshape(3, 4), np.arange(-3, 3).reshape(2, 3)]
    return Model.from_arrays(weights, thresholds=90, reset_delay=True, refractory=2, num_steps=5)


def test_every_number_is_there(tmp_path: Path):
    samples = np.random.default_rng(0).integers(0, 256, (6, 4), dtype=np.uint8)
    result = run(model(), samples, traces=True)
    path = save_traces(result, tmp_path / "t.npz")
    state = {f"hidden.{name}" for name in ("membrane", "pending", "refractory")}
    common = {f"{layer}.{name}" for layer in ("hidden", "output") for name in ("integrated", "spike", "value")}
    with np.load(path, allow_pickle=False) as arrays:
        assert set(arrays) == {"classes", "scores", "encoder.value", "output.membrane"} | state | common
        for name, values in trace_arrays(result).items():
            assert np.array_equal(arrays[name], values)
        assert arrays["hidden.pending"].shape == (5, 6, 3)


def test_a_layer_without_neurons_has_its_values_and_its_state(tmp_path: Path):
    chosen = layered(network(SMaxPool2d(size=2), (1, 4, 2), num_steps=3))
    result = run(chosen, np.ones((5, 3, 1, 4, 2), np.uint8), traces=True)
    with np.load(save_traces(result, tmp_path / "t.npz"), allow_pickle=False) as arrays:
        own = {name: values.shape for name, values in arrays.items() if name.startswith("first.")}
    assert own == {"first.value": (3, 5, 2), "first.greatest": (3, 5, 2), "first.accumulated": (3, 5, 8)}


def test_what_cannot_be_saved(tmp_path: Path):
    samples = np.zeros((1, 4), np.uint8)
    with pytest.raises(ValueError, match="holds no traces: run golden with traces=True"):
        save_traces(run(model(), samples), tmp_path / "t.npz")
    with pytest.raises(OutputError, match=r"must end with \.npz, not 't\.txt'"):
        save_traces(run(model(), samples, traces=True), tmp_path / "t.txt")
    assert not list(tmp_path.iterdir())
