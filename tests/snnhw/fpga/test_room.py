"""What a design takes at least is never more than synthesis finds, and what cannot fit is refused before that."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from snnhw.design import Design
from snnhw.errors import FitError
from snnhw.fpga import fit, subject
from snnhw.fpga.blocks import GEOMETRIES
from snnhw.fpga.build import build
from snnhw.fpga.parts import FAMILIES, Cells, find_part
from snnhw.fpga.room import _varying, _weight_bits, check_design, least_cells
from snnhw.fpga.synthesis import stage_cells
from snnhw.implementation import Choices
from snnhw.model import Model
from snnhw.network import Conv2d, CountReadout, Dense, Events, Layer, Network, Neuron, SumPool2d
from snnhw.points import point
from snnhw.presets import preset, resolve_model
from snnhw.weights import layer_contents
from tests.docs.markdown import ROOT, code, table
from tests.soak.case import draw_case

RANDOM = np.random.default_rng(5)


def dense(weight: NDArray[np.int64], threshold: int = 5, bits: int = 4) -> Model:
    """A layer of these weights [units, inputs], which gets events."""
    units, inputs = weight.shape
    layer = Layer(name="only", synapse=Dense(units=units, weight_bits=bits), neuron=Neuron(threshold=threshold))
    network = Network(input_shape=(inputs,), encoder=Events(), stages=(layer,), readout=CountReadout(), num_steps=2)
    return Model(network, {"only.weight": weight, "only.bias": np.zeros(units, np.int64)})


def convolutional(channels: int, size: int = 8, pool: int = 1) -> Model:
    """A convolution from and to so many channels, a pool, and a dense layer of 10."""
    synapse = Conv2d(channels=channels, kernel=3, padding=1, weight_bits=4)
    stages = (
        Layer(name="wide", synapse=synapse, neuron=Neuron(threshold=9)),
        Layer(name="pool", synapse=SumPool2d(size=pool), bias=False),
        Layer(name="output", synapse=Dense(units=10, weight_bits=4), neuron=Neuron(threshold=9)),
    )
    shape = (channels, size, size)
    return random_model(
        Network(input_shape=shape, encoder=Events(), stages=stages, readout=CountReadout(), num_steps=2)
    )


def random_model(network: Network) -> Model:
    """Any weights of 4 bits, and thresholds that are reached."""
    shapes = {f"{layer.name}.{name}": shape for layer in network.layers for name, shape in layer.tensor_shapes.items()}
    low, high = {"weight": -8, "bias": -3, "threshold": 20}, {"weight": 8, "bias": 4, "threshold": 60}
    kinds = {name: name.rpartition(".")[2] for name in shapes}
    return Model(
        network, {name: RANDOM.integers(low[kinds[name]], high[kinds[name]], shape) for name, shape in shapes.items()}
    )


def never(*_: object, **__: object) -> None:
    raise AssertionError("nothing is elaborated or synthesised")


class TestLeastCells:
    def test_a_memory_in_the_shapes_of_a_block(self):
        """600 words of 20 bits, which are 5 lanes; an adder and a register for each bit of a word."""
        weight = RANDOM.integers(-8, 8, (5, 600))
        design = Design.of(dense(weight))
        found = {name: least_cells(design, family)["only"] for name, family in FAMILIES.items()}
        assert found == {
            "ice40": Cells(ebr=4, ff=20, lut=20),  # 3 times 256 words of 16 bits
            "ecp5": Cells(ebr=2, ff=20),  # 1,024 words of 18 bits
            "gw1n": Cells(ebr=2, ff=20),
            "xc7": Cells(ramb18=2, ff=20, lut=20),
        }

    def test_bits_that_are_the_same_in_every_word_stand_in_no_memory(self):
        weight = 2 * RANDOM.integers(0, 2, (4, 300)) + 1
        assert least_cells(Design.of(dense(weight)), FAMILIES["ice40"])["only"] == Cells(ebr=1, ff=4, lut=4)
        constant = dense(np.full((4, 300), 3))
        assert least_cells(Design.of(constant), FAMILIES["ice40"])["only"] == Cells()

    def test_of_weights_that_are_loaded_every_bit_may_change(self):
        loadable = Design.of(dense(np.full((4, 300), 1)), memory={"only": "ram"})
        assert least_cells(loadable, FAMILIES["ice40"])["only"] == Cells(ebr=2 + 4, ff=16, lut=16)  # and the biases

    def test_a_bound_of_all_lanes_is_no_more_than_that_of_any(self):
        """Two event lanes after channels, whose addresses are not in the order of inputs."""
        model = convolutional(6, size=4)
        pairs: Choices = {"event_lanes": {"output": 2}, "neuron_lanes": {"pool": 2}}
        for choices in (Choices(lanes=1), Choices(), pairs):
            design = Design.of(model, **choices)
            stored = sum(
                int(_varying(contents, layer.loadable).sum()) * len(contents.rows)
                for layer in design.layers
                if layer.has_neuron
                for contents in layer_contents(layer, layer)
            )
            weights = sum(map(_weight_bits, design.layers))
            assert 0.7 * model.layers[0].weight.size * 4 < weights <= stored

    def test_each_of_two_event_lanes_has_a_memory_of_its_own_channels(self):
        """Of 4 channels; a tap of a filter has 2 weights in either memory, which a bit tells apart if they differ."""
        model = random_model(preset("mnist-conv", first=4, second=3, third=2))
        layer = Design.of(model, event_lanes={"conv2": 2}).layer("conv2")
        differ = sum(int((half[:, 0] != half[:, 1]).sum()) for half in (layer.weight[:, 0::2], layer.weight[:, 1::2]))
        assert 0 < _weight_bits(layer) == 2 * differ

    def test_each_of_two_event_lanes_has_a_memory_of_its_own_addresses(self):
        """Weights that tell channels apart, which are even and odd addresses: both memories are constant."""
        channels = convolutional(2, size=4)
        weight = np.tile(np.repeat([1, 3], 16), (10, 1))
        model = Model(channels.network, {**channels.tensors, "output.weight": weight})
        design = Design.of(model, event_lanes={"output": 2}, neuron_lanes={"pool": 2})
        assert _weight_bits(design.layer("output")) == 0
        assert _weight_bits(Design.of(model).layer("output")) == 10 * 32

    def test_taps_that_never_lie_on_the_input_are_in_no_memory(self):
        convolution = Conv2d(channels=2, kernel=(3, 5), padding=(1, 2), stride=(1, 2), weight_bits=4)
        weight = RANDOM.integers(-8, 8, (2, 7, 3, 5))
        read = convolution.read_weights({"weight": weight}, (7, 1, 2))
        assert np.array_equal(read, weight[:, :, 1:2, 2:4])

    def test_single_port_rams(self):
        design = Design.of(dense(RANDOM.integers(-8, 8, (9, 300))), memory={"only": "spram"})
        assert least_cells(design, FAMILIES["ice40"])["only"].spram == 3

    def test_neurons_that_never_fire_are_left_out_by_synthesis(self):
        design = Design.of(dense(RANDOM.integers(-8, 8, (5, 600)), threshold=1 << 20))
        assert least_cells(design, FAMILIES["ecp5"]) == {}
        check_design(Design.of(dense(RANDOM.integers(-8, 8, (500, 600)), threshold=1 << 20)), find_part("hx1k"))

    def test_shapes_of_blocks_are_those_of_contents(self):
        for name, geometry in GEOMETRIES.items():
            assert FAMILIES[name].blocks == {width: geometry.depth(width) for width in geometry.widths}


CASES = (73, 210)
"""Numbers of drawn cases: dense weights that are loaded; a convolution and a dense layer."""


@pytest.mark.long
@pytest.mark.parametrize("number", CASES)
@pytest.mark.parametrize("family", FAMILIES)
def test_the_least_is_no_more_than_synthesis_finds(family: str, number: int):
    case = draw_case(1, number)
    if family != "ice40" and any(layer.memory == "spram" for layer in case.implementation.layers):
        pytest.skip("single-port RAM is of ice40")
    design = Design(case.model, case.implementation)
    least = sum(least_cells(design, FAMILIES[family]).values(), Cells())
    found = sum(stage_cells(design, family).values(), Cells())
    assert least != Cells(), "there is something to compare"
    for resource in ("lut", "ff", "bram", "spram"):
        assert getattr(least, resource) <= getattr(found, resource), resource


def measured() -> list[tuple[str, str, str, list[str]]]:
    """Of each point and board in the page of performance its model, point, part, and LUTs, FF, block RAM and SPRAM."""
    shown = (ROOT / "docs" / "performance.md").read_text()
    points = [(code(row[0])[0], row) for row in table(shown, "point", "part")]
    parts = {"icebreaker": "up5k"}
    found = [("mnist-mlp", name, parts.get(row[1], row[1]), [row[2], row[5], *row[7:9]]) for name, row in points]
    return found + [(code(row[1])[0], row[2], row[3], row[4:8]) for row in table(shown, "board", "model")]


@pytest.mark.slow
def test_the_least_is_no_more_than_the_page_of_performance_has():
    rows = measured()
    assert len(rows) == 11
    for name, chosen, part, figures in rows:
        model, family = resolve_model(name), find_part(part).family
        design = Design(model, point(chosen, model.network))
        least = sum(least_cells(design, FAMILIES[family]).values(), Cells())
        found = [float(figure.replace(",", "")) for figure in figures]
        assert all(np.array([least.lut, least.ff, least.bram, least.spram]) <= found), (name, chosen, part)
        assert least.bram + 16 * least.spram > 0.5 * found[2], "the least is worth knowing"
        check_design(design, find_part(part))


def test_weights_that_exceed_a_part_are_refused_whatever_the_lanes(monkeypatch: pytest.MonkeyPatch):
    model = convolutional(256)
    for lanes in (1, None):
        with pytest.raises(
            FitError, match=r"at least \d+ block RAMs for weights and membranes alone, and the lfe5u-25f"
        ) as found:
            check_design(Design.of(model, lanes=lanes), find_part("lfe5u-25f"))
        assert "fewer lanes do not help" in str(found.value)
    monkeypatch.setattr(fit, "stage_cells", never)
    with pytest.raises(FitError, match="fewer lanes do not help"):
        fit.build_largest(model.network, lambda lanes: Design.of(model, lanes=lanes), find_part("lfe5u-25f"), never)


def test_membranes_count_where_neither_luts_nor_flip_flops_hold_them():
    """On a large plane weights are as few, and membranes many."""
    check_design(Design.of(convolutional(8, size=8, pool=4), lanes=1), find_part("hx1k"))
    with pytest.raises(FitError, match="block RAMs for weights and membranes alone, and the hx1k has 16"):
        check_design(Design.of(convolutional(8, size=64, pool=32), lanes=1), find_part("hx1k"))


def test_too_many_lanes_are_refused_with_the_advice_of_synthesis():
    model = random_model(preset("mnist-conv"))
    with pytest.raises(
        FitError, match=r"at least [\d,]+ block RAMs \([\d.]+ of them in conv2\), and the lfe5u-25f has 56: take fewer"
    ):
        check_design(Design.of(model), find_part("lfe5u-25f"))
    check_design(Design.of(model, lanes=64), find_part("lfe5u-25f"))


def test_hopeless_lanes_are_passed_over_without_synthesis(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    model = dense(RANDOM.integers(-8, 8, (80, 100)))
    part = find_part("hx1k")
    tried: list[int] = []

    def choose(lanes: int) -> Design:
        return Design.of(model, lanes=lanes)

    def attempt(design: Design) -> Any:
        tried.append(design.implementation.layers[0].synapse_lanes)
        return build(design, part, tmp_path / "out")

    monkeypatch.setattr(fit, "stage_cells", lambda *_: {})
    monkeypatch.setattr(subject, "emit", fails)
    with pytest.raises(RuntimeError, match="elaborated"):
        fit.build_largest(model.network, choose, part, attempt)
    assert tried == [80, 40]
    assert [least_cells(choose(lanes), FAMILIES["ice40"])["only"].ebr for lanes in (80, 40)] == [20, 10]


def fails(*_: object, **__: object) -> None:
    raise RuntimeError("elaborated")
