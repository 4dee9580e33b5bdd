"""Layers may be called as anything, and get out of the way of what has the name in the circuit. Modules may not."""

import re
import sys
from pathlib import Path

import numpy as np
import pytest

from snnhw.conversion import convert
from snnhw.design import Design
from snnhw.errors import DescriptionError
from snnhw.fpga import synthesis, tools
from snnhw.fpga.stages import Stages
from snnhw.implementation import Implementation
from snnhw.model import Model
from snnhw.naming import RESERVED, TAKEN, check_name, instances
from snnhw.srbm.machine import Machine
from snnhw.srbm.verilog import emit as emit_srbm
from snnhw.stdp.learner import Learner
from snnhw.stdp.verilog import emit as emit_stdp
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


@pytest.mark.parametrize("name", ["", "2learner", "learner-2", "größe"])
def test_a_name_that_no_module_can_have_is_refused(name: str):
    check_name("learner_2")
    with pytest.raises(DescriptionError, match="must be letters, digits and _"):
        check_name(name)


@pytest.mark.parametrize("name", ["module", "table", "logic", "unique0", "wait_order"])
def test_a_word_of_verilogs_own_names_no_module(name: str, monkeypatch: pytest.MonkeyPatch):
    design = Design.of(network(("a", "b")))
    monkeypatch.setattr("snnhw.conversion.Fragment", None)  # nothing is elaborated before
    for function in (emit, emit_srbm, emit_stdp):
        monkeypatch.setitem(function.__globals__, "convert", None)
    with pytest.raises(DescriptionError, match=f"'{name}' is a word of Verilog's own: choose another name"):
        emit(design, name)
    with pytest.raises(DescriptionError, match="is a word of Verilog's own"):
        emit_srbm(Machine(), 1, name)
    with pytest.raises(DescriptionError, match="is a word of Verilog's own"):
        emit_stdp(Learner(), 1, name)
    with pytest.raises(DescriptionError, match="is a word of Verilog's own"):
        convert(None, name)  # refused before it is looked at


@pytest.mark.slow
def test_the_words_are_those_that_yosys_escapes(tmp_path: Path):
    beside = ["snn", "Module", "tables", "and2", "pragma"]
    modules = [f"module \\{name} (input a, output b); assign b = a; endmodule\n" for name in (*RESERVED, *beside)]
    (tmp_path / "in.v").write_text("".join(modules))
    commands = ["read_verilog in.v", "write_verilog out.v"]
    assert tools.run([sys.executable, "-c", synthesis._YOSYS, *commands], tmp_path, "log") == 0
    written = (tmp_path / "out.v").read_text()
    assert set(re.findall(r"^module \\(\S+) ?\(", written, re.MULTILINE)) == RESERVED
