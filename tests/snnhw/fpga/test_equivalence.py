"""A netlist of neurons is proved to be what was described, and one with a fault in a single cell is not."""

import re

import pytest

from snnhw.design import Design
from snnhw.errors import DescriptionError
from snnhw.fpga.equivalence import description, netlist_of, prove, prove_neurons
from snnhw.implementation import Implementation
from snnhw.presets import resolve_model
from tests import circuits
from tests.families import family as members

SECONDS = 120
LAYERS = {"ice40": "layer0", "ecp5": "layer1", "xc7": "layer1"}


def neurons(layer):
    return description(Design(circuits.model("direct"), circuits.implementation("direct")), layer)


@pytest.mark.slow
@pytest.mark.parametrize("family", members(LAYERS, always=["ice40"]))
def test_neurons_are_proved(family):
    described = neurons(LAYERS[family])
    assert prove(described, netlist_of(described, family), family, SECONDS)


@pytest.mark.slow
@pytest.mark.parametrize("cell", members([0, 7, -1], always=[0]))
def test_a_fault_in_one_cell_is_found(cell):
    described = neurons("layer0")
    gates = netlist_of(described, "ice40")
    tables = list(re.finditer(r"(?<=\.LUT_INIT\(16'h)\w{4}", gates))
    start, end = tables[cell].span()
    faulty = f"{gates[:start]}{0xFFFF ^ int(gates[start:end], 16):04x}{gates[end:]}"
    assert not prove(described, faulty, "ice40", SECONDS)


@pytest.mark.long
def test_the_neurons_that_ship_are_proved():
    model = resolve_model("mnist-mlp")
    choices = Implementation.of(model.network, neuron_lanes={"hidden": 2})
    proof = prove_neurons(Design(model, choices), "hidden", family="ice40", seconds=SECONDS)
    assert proof.proved
    assert (proof.layer, proof.family) == ("hidden", "ice40")


def test_what_is_not_there_is_told():
    design = Design(circuits.model("direct"), circuits.implementation("direct"))
    with pytest.raises(DescriptionError, match="no layer 'hidden'; there are layer0"):
        description(design, "hidden")
    with pytest.raises(DescriptionError, match="ice40, ecp5, xc7, not for 'asic'"):
        netlist_of("", "asic")
