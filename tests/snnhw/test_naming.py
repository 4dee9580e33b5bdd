"""Layers may be called as anything: in the circuit they get out of the way of what has the name there."""

import re

import numpy as np
import pytest

from snnhw.design import Design
from snnhw.fpga.stages import Stages
from snnhw.implementation import Implementation
from snnhw.model import Model
from snnhw.naming import TAKEN, instances
from snnhw.verification import verify
from snnhw.verilog import emit
from tests.circuits import CASES, implementation, model
from tests.families import family

HOSTILE = ("clk", "error", "rst", "layer_rst", "loader", "loaded", "events__payload", "rest", "table", "int", "a__b_")
"""Names of ports, of streams, of what stands beside layers, of keywords."""


def network(names: tuple[str, ...]) -> Model:
    rng = np.random.default_rng(1)
    return Model.from_arrays({name: rng.integers(-3, 8, (2, 2)) for name in names}, thresholds=5, num_steps=2)


def test_only_what_is_in_the_way_is_renamed():
    assert instances(network(HOSTILE).network) == {
        "clk": "layer_clk",
        "error": "layer_error",
        "rst": "layer_layer_rst",
        "layer_rst": "layer_rst",
        "loader": "layer_loader",
        "loaded": "layer_loaded",
        "events__payload": "layer_events_payload",
        "rest": "layer_rest",
        "table": "table",
        "int": "int",
        "a__b_": "layer_a_b_",
    }


def test_names_that_become_the_same_differ():
    named = instances(network(("a__b", "layer_a_b", "a___b", "layer_a__b")).network)
    assert named["layer_a_b"] == "layer_a_b"
    assert len(set(named.values())) == 4
    assert not any("__" in instance for instance in named.values())


@pytest.mark.slow
@pytest.mark.parametrize("memory", family(["rom", "ram"], always=["ram"]))
@pytest.mark.parametrize("case", CASES)
def test_nothing_else_in_the_circuit_has_a_name_that_a_layer_can_have(case: str, memory: str):
    choices = implementation(case)
    layers = tuple(layer.model_copy(update={"memory": memory}) for layer in choices.layers)
    text = emit(Design(model(case), choices.model_copy(update={"layers": layers}))).verilog
    top = re.search(r"^module snn\(.*?^endmodule", text, re.MULTILINE | re.DOTALL)[0]
    signals = re.findall(r"^  (?:wire|reg|input|output) (?:\[\d+:0\] )?(\w+)\b", top, re.MULTILINE)
    blocks = re.findall(r"^  \\?snn\.(\w+)  (\w+) \(", top, re.MULTILINE)
    layers_inside = set(instances(model(case).network).values())
    assert all(module == instance for module, instance in blocks)
    assert layers_inside <= {module for module, _ in blocks}
    others = {*signals, *(module for module, _ in blocks)} - layers_inside
    assert {name for name in others if "__" not in name} <= TAKEN


@pytest.mark.slow
def test_a_circuit_of_such_layers_is_verified():
    made = network(("clk", "error", "events__payload", "int"))
    choices = Implementation.of(made.network, memory={"error": "ram"})
    samples = np.random.default_rng(2).integers(0, 256, (6, 2), np.uint8)
    report = verify(Design(made, choices), samples)
    assert report.equal
    assert report.timing_mismatches == 0


def test_cells_are_counted_by_the_layers_own_instances():
    stages = Stages.of(network(("rest", "hidden")).network)
    assert stages.block("layer_rest.neurons.x") == "layer_rest.neurons"
    assert stages.stage("hidden.crossbar.x") == "hidden"
    assert stages.stage("x") == "rest"
