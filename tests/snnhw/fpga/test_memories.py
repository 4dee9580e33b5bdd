"""What synthesis reads of a circuit whose memories are files."""

import re
from pathlib import Path

import numpy as np
import pytest

from snnhw.design import Design
from snnhw.fpga.memories import split_emitted
from snnhw.implementation import Weights
from snnhw.model import Model
from snnhw.network import Conv2d, CountReadout, Dense, Events, Layer, Network, Neuron
from snnhw.verilog import emit

NETWORK = Network(
    input_shape=(1, 4, 4),
    encoder=Events(),
    stages=(
        Layer(name="wide", synapse=Conv2d(channels=2, kernel=3, weight_bits=3), neuron=Neuron(threshold=3)),
        Layer(name="output", synapse=Dense(units=2, weight_bits=3), neuron=Neuron(threshold=3)),
    ),
    readout=CountReadout(),
    num_steps=2,
)


def random_model() -> Model:
    shapes = {f"{layer.name}.{name}": shape for layer in NETWORK.layers for name, shape in layer.tensor_shapes.items()}
    random = np.random.default_rng(2)
    return Model(NETWORK, {name: random.integers(-4, 4, shape) for name, shape in shapes.items()})


@pytest.mark.parametrize("weights", ["inline", "readmemh"])
def test_every_file_that_a_circuit_reads_is_written(weights: Weights, tmp_path: Path):
    """Tables of a convolution are memories too, and none of those that can be patched."""
    split = split_emitted(emit(Design.of(random_model(), weights=weights)))
    split.write(tmp_path, "snn")
    read = set(re.findall(r'\$readmemh\("(.+?)"', (tmp_path / "snn.v").read_text()))
    assert {file.name for file in tmp_path.iterdir()} == {"snn.v", *read}
    tables = {"snn.wide.convolution.routes.hex", "snn.wide.convolution.reading.hex"}
    assert set(split.files) == (tables if weights == "readmemh" else set())


def test_what_is_no_memory_of_weights_is_of_the_circuit():
    split = split_emitted(emit(Design.of(random_model(), weights="readmemh")))
    other = type(split)(split.circuit, split.memories, {**split.files, "snn.wide.convolution.routes.hex": "0\n"})
    assert other.digest != split.digest
