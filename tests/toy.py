"""A circuit written by hand, and its description: what simulators are tested with, apart from the gateware."""

from pathlib import Path

import numpy as np

from snnhw.implementation import Implementation
from snnhw.interface import Interface, PayloadField, StreamPort, Tap, TapSignal
from snnhw.model import Model
from snnhw.network import CountReadout, Dense, Direct, Layer, Leak, Network, Neuron
from snnhw.simulate.verilator import VerilatorSimulator

VERILOG = Path(__file__).with_name("toy.v").read_text()

NETWORK = Network(
    input_shape=(5,),
    encoder=Direct(bits=8),
    stages=(
        Layer(
            name="hidden",
            synapse=Dense(units=3, weight_bits=4),
            neuron=Neuron(leak=Leak(kind="shift", bits=1), threshold=300),
        ),
    ),
    readout=CountReadout(),
    num_steps=2,
)

WEIGHTS = [[3, -2, 1, 0, 7], [-8, 5, 2, 1, 0], [1, 1, 1, 1, -3]]

MODEL = Model(NETWORK, {"hidden.weight": np.array(WEIGHTS), "hidden.bias": np.array([10, -20, 30])})

IMPLEMENTATION = Implementation.of(NETWORK, neuron_lanes={"hidden": 2}, pixels_per_beat=2)

INTERFACE = Interface(
    top="toy",
    sample=StreamPort(
        name="sample",
        direction="in",
        width=17,
        fields=(
            PayloadField(name="pixels", offset=0, width=8, count=2),
            PayloadField(name="last", offset=16, width=1),
        ),
    ),
    result=StreamPort(
        name="result",
        direction="out",
        width=8,
        fields=(
            PayloadField(name="class", offset=0, width=2),
            PayloadField(name="scores", offset=2, width=2, count=3),
        ),
    ),
    taps=(
        Tap(
            stage="encoder",
            scope="encoder",
            strobe="tap_strobe",
            signals=(
                TapSignal(name="mark", signal="tap_mark", width=2),
                TapSignal(name="address", signal="tap_address", width=3),
                TapSignal(name="value", signal="tap_value", width=8),
            ),
        ),
        Tap(
            stage="hidden",
            scope="hidden.neurons",
            strobe="tap_strobe",
            order=((0, 1), (2, None)),
            signals=(
                TapSignal(name="integrated", signal="tap_integrated", width=16, count=2, signed=True),
                TapSignal(name="spike", signal="tap_spike", width=1, count=2),
                TapSignal(name="value", signal="tap_value", width=1, count=2),
                TapSignal(name="membrane", signal="tap_membrane", width=16, count=2, signed=True),
            ),
        ),
    ),
)

BEATS = 3


def samples(count: int, seed: int = 0) -> np.ndarray:
    """Random pixels, a third of them dark."""
    random = np.random.default_rng(seed)
    return random.integers(0, 256, (count, 5), np.uint8) * (random.random((count, 5)) > 1 / 3).astype(np.uint8)


def simulator(verilog: str = VERILOG, interface: Interface = INTERFACE, patience: int = 1000) -> VerilatorSimulator:
    return VerilatorSimulator(network=NETWORK, interface=interface, verilog=verilog, patience=patience)
