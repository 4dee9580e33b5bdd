"""What synthesis makes of a circuit is golden's equal, and one that is not is found out."""

import re
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
import pytest

from golden.network import Golden
from snnhw.design import Design
from snnhw.errors import DescriptionError
from snnhw.fpga import netlist
from snnhw.fpga.netlist import CELLS, simulator, verify_netlist
from snnhw.implementation import Choices, Implementation
from snnhw.model import Model
from snnhw.network import (
    Conv2d,
    CountReadout,
    Dense,
    Direct,
    Layer,
    Leak,
    MaxPool2d,
    MembraneReadout,
    Network,
    Neuron,
    SMaxPool2d,
)
from tests import families

pytestmark = pytest.mark.slow

LAYERS = (("hidden", 6, 9), ("output", 3, 2))
NETWORK = Network(
    input_shape=(20,),
    encoder=Direct(bits=2),
    stages=tuple(
        Layer(
            name=name,
            synapse=Dense(units=units, weight_bits=3),
            neuron=Neuron(leak=Leak(kind="shift", bits=2), threshold=threshold),
        )
        for name, units, threshold in LAYERS
    ),
    readout=CountReadout(),
    num_steps=2,
)
RANDOM = np.random.default_rng(3)
MODEL = Model(
    NETWORK,
    {
        "hidden.weight": RANDOM.integers(-4, 4, (6, 20)),
        "hidden.bias": RANDOM.integers(-3, 4, 6),
        "output.weight": RANDOM.integers(-4, 4, (3, 6)),
        "output.bias": RANDOM.integers(-3, 4, 3),
    },
)
IMPLEMENTATION = Implementation.of(NETWORK, synapse_lanes={"hidden": 3}, neuron_lanes={"hidden": 1}, pixels_per_beat=2)
SAMPLES = RANDOM.integers(0, 256, (40, 20), np.uint8)


@pytest.fixture(autouse=True)
def _synthesised_once(monkeypatch):
    monkeypatch.setattr(netlist, "simulator", lambda design, family: CIRCUITS(family))


def circuit(family):
    return simulator(Design(MODEL, IMPLEMENTATION), family)


CIRCUITS = lru_cache(circuit)

LUT_RAM = {"ice40": "", "ecp5": "TRELLIS_DPR16X4", "xc7": "RAM32M"}
"""What families have for small memories; the first has flip-flops alone."""


@pytest.mark.parametrize("family", families.family(CELLS, always=["ice40"]))
def test_a_netlist_is_goldens_equal(family):
    labels = np.zeros(len(SAMPLES), np.int64)
    report = verify_netlist(Design(MODEL, IMPLEMENTATION), SAMPLES, labels, family=family)
    assert report.equal, report
    assert report.images == len(SAMPLES)
    assert report.cells > 200
    assert report.cycles.min > 10
    assert report.recoveries == 22
    assert report.correct is not None


def test_arrays_of_another_kind_are_refused_before_synthesis(monkeypatch):
    monkeypatch.setattr(netlist, "simulator", None)
    booleans: Any = SAMPLES > 9
    with pytest.raises(ValueError, match=r"^samples must be uint8 \[B, 20\], not bool"):
        verify_netlist(Design(MODEL, IMPLEMENTATION), booleans, family="ice40")
    with pytest.raises(ValueError, match=r"^labels must lie in 0..2, not in 1..3"):
        verify_netlist(Design(MODEL, IMPLEMENTATION), SAMPLES, 1 + np.arange(40) % 3, family="ice40")


@pytest.mark.long
def test_block_rams_are_among_what_was_simulated():
    assert "RAMB18E1" in CIRCUITS("xc7").verilog.partition("endmodule")[0]
    assert "SB_RAM40_4K" in CIRCUITS("ice40").verilog.partition("endmodule")[0]


@pytest.mark.long
def test_deep_memories_are_block_rams_in_cascade(monkeypatch):
    """One word a weight, which makes more words than a block of 32 kbit has: xc7 joins two of these."""
    inputs, units = 600, 128
    layer = Layer(name="only", synapse=Dense(units=units, weight_bits=2), neuron=Neuron(threshold=20))
    network = NETWORK.model_copy(update={"input_shape": (inputs,), "stages": (layer,)})
    weights = {"only.weight": RANDOM.integers(-1, 2, (units, inputs)), "only.bias": RANDOM.integers(-3, 4, units)}
    model = Model(network, weights)
    lanes = Implementation.of(network, lanes=1)
    deep = simulator(Design(model, lanes), "xc7")
    assert '.RAM_EXTENSION_A("UPPER")' in deep.verilog
    monkeypatch.setattr(netlist, "simulator", lambda *_: deep)
    assert verify_netlist(Design(model, lanes), RANDOM.integers(0, 256, (3, inputs), np.uint8), family="xc7").equal


CONVOLUTION = Conv2d(channels=3, kernel=3, padding=1, weight_bits=3)
CONVOLUTIONAL: dict[str, tuple[tuple[Layer, ...], Choices]] = {
    "events": (
        (
            Layer(name="conv", synapse=CONVOLUTION.model_copy(update={"max_pool": (2, 2)}), neuron=Neuron(threshold=5)),
            Layer(name="pool", synapse=MaxPool2d(size=2), bias=False),
        ),
        {"synapse_lanes": {"conv": 2}, "queued_words": {"conv": 2}, "pixels_per_beat": 2},
    ),
    "windows": (
        (
            Layer(name="conv", synapse=CONVOLUTION.model_copy(update={"stride": (2, 2)}), neuron=Neuron(threshold=5)),
            Layer(name="pool", synapse=SMaxPool2d(size=2), bias=False),
        ),
        {"visits": {"conv": "windows"}, "bit_lanes": {"conv": 1}, "pixels_per_beat": 2},
    ),
}
"""Layers before a dense one, and how they are built: maxima of currents, of spikes and of spiking units among them."""


def convolutional(name: str) -> Design:
    layers, choices = CONVOLUTIONAL[name]
    output = Layer(name="output", synapse=Dense(units=3, weight_bits=3), neuron=Neuron.integrator())
    network = Network(
        input_shape=(1, 8, 8),
        encoder=Direct(bits=2),
        stages=(*layers, output),
        readout=MembraneReadout(),
        num_steps=2,
    )
    random = np.random.default_rng(8)
    shapes = {f"{layer.name}.{kind}": shape for layer in network.layers for kind, shape in layer.tensor_shapes.items()}
    model = Model(network, {tensor: random.integers(-4, 4, shape) for tensor, shape in shapes.items()})
    return Design.of(model, **choices)


@pytest.mark.long
@pytest.mark.parametrize("name", CONVOLUTIONAL)
@pytest.mark.parametrize("family", CELLS)
def test_convolutions_and_pools_are_goldens_equal(name: str, family: str, monkeypatch: pytest.MonkeyPatch):
    design = convolutional(name)
    circuit = simulator(design, family)
    cells = circuit.verilog.partition("endmodule")[0]
    assert LUT_RAM[family] in cells, "sums, windows or pools are in LUT RAM"
    monkeypatch.setattr(netlist, "simulator", lambda *_: circuit)
    samples = np.random.default_rng(9).integers(0, 256, (20, 1, 8, 8), np.uint8)
    report = verify_netlist(design, samples, family=family)
    assert report.equal, report
    assert report.images == len(samples)
    assert len({tuple(scores) for scores in Golden(design.model).run(samples).scores.tolist()}) > 3


@pytest.mark.long
def test_what_starts_empty_is_loaded_first(monkeypatch):
    in_spram = Implementation.of(NETWORK, lanes=2, memory={"hidden": "spram"})
    empty = simulator(Design(MODEL, in_spram), "ice40")
    assert "SB_SPRAM256KA" in empty.verilog.partition("endmodule")[0]
    monkeypatch.setattr(netlist, "simulator", lambda *_: empty)
    assert verify_netlist(Design(MODEL, in_spram), SAMPLES, family="ice40").equal


def test_cells_that_synthesis_got_wrong_are_found_out(monkeypatch):
    whole = CIRCUITS("ice40")
    end = whole.verilog.index("endmodule")
    cells, models = whole.verilog[:end], whole.verilog[end:]
    faulty = re.sub(r"(?<=\.LUT_INIT\(16'h)\w{4}", lambda found: f"{0xFFFF ^ int(found[0], 16):04x}", cells, count=40)
    assert faulty != cells
    monkeypatch.setattr(netlist, "simulator", lambda *_: replace(whole, verilog=faulty + models))
    assert not verify_netlist(Design(MODEL, IMPLEMENTATION), SAMPLES, family="ice40").equal


def test_stalls_change_cycles_only():
    from snnhw.simulate.simulation import Stall

    report = verify_netlist(Design(MODEL, IMPLEMENTATION), SAMPLES, family="ice40", stall=Stall(seed=2))
    assert report.equal


def test_an_unknown_family_is_told_of():
    with pytest.raises(DescriptionError, match="must be one of ice40, ecp5, xc7, not 'asic'"):
        simulator(Design(MODEL, IMPLEMENTATION), "asic")
