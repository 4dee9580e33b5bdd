"""docs/command-line.md against the program: commands, options, JSON fields, names, variables and keys."""

from __future__ import annotations

import json
import re
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from snnhw.cli.app import run
from snnhw.data import NAMES, load
from snnhw.data.catalogue import TORCHVISION
from snnhw.descriptionfile import load_description
from snnhw.fpga.place import Placement, WorstPath
from snnhw.fpga.report import load as load_report
from snnhw.fpga.synthesis import Netlist
from snnhw.host.board import Board
from snnhw.implementation import Implementation, LayerImplementation
from snnhw.implementationfile import load_implementation
from snnhw.model import Model, tensor_shapes
from snnhw.modelfile import save
from snnhw.network import (
    Bernoulli,
    CountReadout,
    Dense,
    Direct,
    Events,
    FirstSpikeReadout,
    IntegrateFire,
    Latency,
    Layer,
    Leak,
    MembraneReadout,
    Network,
    Neuron,
    Range,
    Rate,
    Spike,
    VoteReadout,
)
from snnhw.presets import preset
from snnhw.shipped import shipped_models
from snnhw.srbm.machine import Machine
from snnhw.srbm.model import SrbmModel, initial_levels, save_srbm
from tests.docs.commands import commands, options
from tests.docs.markdown import ROOT, code, fences, page, sections, table
from tests.snnhw.bench.measured import board_figures, figures
from tests.snnhw.bench.measured import table as measured_table
from tests.snnhw.host.simple import SimpleCircuit

PAGE = page("docs/command-line.md")
SECTIONS = sections(PAGE)
COMMANDS = commands()


def first_column(rows: list[list[str]]) -> list[str]:
    return [name for row in rows for name in code(row[0])]


def test_every_command_has_a_row_and_a_section():
    intro = PAGE.partition("\n## ")[0]
    assert sorted(first_column(table(intro, "command"))) == sorted(COMMANDS)
    assert set(COMMANDS) < set(SECTIONS)
    assert first_column(table(intro, "option")) == ["--json", "--debug", "--help"]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_is_named_and_exists(command: str):
    text = SECTIONS[command]
    rows = table(text, "option")
    if "#circuit-options" in text:
        rows = rows + table(SECTIONS["Circuit options"], "option")
    named = [name.split()[0] for name in first_column(rows)]
    assert len(named) == len(set(named))
    assert set(named) == options(COMMANDS[command])


@pytest.mark.parametrize("command", COMMANDS)
def test_every_argument_is_in_the_line_that_shows_it(command: str):
    arguments = [parameter for parameter in COMMANDS[command].params if parameter.param_type_name == "argument"]
    for argument in arguments:
        for name in argument.metavar.strip("[]").split("|"):
            assert re.search(rf"snnhw {command} [^`]*\b{name}\b", SECTIONS[command])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A working folder with a small model and a dataset, on a machine without compiler and without network.

    A board is what a few lines of Python make of it.
    """
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        "snnhw.cli.run._board", lambda it, _, baud: nullcontext(Board(SimpleCircuit(it.design.model), baud))
    )
    monkeypatch.setenv("CXX", "no-such-compiler")
    monkeypatch.setattr("snnhw.data.fetch", lambda name, on_progress: Path("/data") / name)
    placement = Placement({}, 50.0, WorstPath(20.0, ("hidden",)))
    monkeypatch.setattr("snnhw.fpga.synthesis.synthesise", lambda *_: Netlist({"hidden": {"SB_LUT4": 1}}))
    monkeypatch.setattr("snnhw.fpga.place.place", lambda *_: placement)
    monkeypatch.setattr("snnhw.fpga.place.pack", lambda *_: b"bits")
    monkeypatch.setattr("snnhw.fpga.patch.patch", lambda build, *_, **__: load_report(build))
    monkeypatch.setattr("snnhw.fpga.program.loader", lambda: "openFPGALoader")
    measured = measured_table(figures("small"), boards=(board_figures("icebreaker"),))
    monkeypatch.setattr("snnhw.bench.measure.measure", lambda *_: measured)
    network = preset("mnist-mlp", hidden=4, num_steps=2)
    rng = np.random.default_rng(5)
    tensors = {name: rng.integers(-8, 8, shape) for name, shape in tensor_shapes(network).items()}
    counts = {"correct": 1, "total": 2}
    save(Model(network, tensors, {"accuracy": counts, "float_accuracy": counts}), "small.safetensors")
    machine = Machine(hidden=4, inference_ticks=20)
    save_srbm(SrbmModel(machine, *initial_levels(machine, 58.0, seed=1)), "machine.safetensors")
    sample = load("sample")
    Path("digits").mkdir()
    np.savez("digits/train.npz", images=sample.images[:100], labels=sample.labels[:100])
    np.savez("digits/test.npz", images=sample.images[100:150], labels=sample.labels[100:150])


TRAINED = ["--dataset", "digits", "--hidden", "4", "--epochs", "1", "--validation", "50", "--no-augment"]
RUNS: dict[str, list[str]] = {
    "demo": ["small.safetensors", "--limit", "2"],
    "doctor": [],
    "data list": [],
    "data fetch": ["mnist"],
    "data show": ["sample"],
    "train": ["mnist-mlp", *TRAINED],
    "convert": ["lenet5-ann", "--dataset", "digits", "--num-steps", "2"],
    "info": ["small.safetensors"],
    "evaluate": ["small.safetensors", "--limit", "2"],
    "certify": ["lenet5-certified", "--limit", "2"],
    "simulate": ["small.safetensors", "--limit", "1", "--vcd", "x.vcd", "--traces", "x.npz"],
    "verify": ["small.safetensors", "--limit", "2"],
    "verilog": ["small.safetensors", "--memory", "hidden=ram"],
    "weights": ["small.safetensors", "--built", "small.safetensors", "--circuit", "small_verilog/snn.json"],
    "build": ["small.safetensors", "--board", "icebreaker", "--out", "made"],
    "patch": ["made", "small.safetensors"],
    "report": ["--compare", "made", "made"],
    "program": ["made", "--dry-run"],
    "run": ["small.safetensors", "--port", "simple", "--limit", "2"],
    "bench": ["small.safetensors", "--points", "small", "--dataset", "sample"],
    "srbm list": [],
    "srbm run": ["logistic", "--dataset", "digits"],
    "srbm page": [],
    "srbm frontend": ["cnn1", "--dataset", "digits", "--epochs", "1"],
    "srbm pictures": ["machine.safetensors", "--images", "1"],
    "stdp list": [],
    "stdp run": ["bits-2", "--dataset", "digits"],
    "stdp page": [],
    "stdp pictures": ["stdp-mnist", "--dataset", "digits"],
}
BEFORE = {
    "weights": "verilog",
    "patch": "build",
    "report": "build",
    "program": "build",
    "srbm page": "srbm run",
    "stdp page": "stdp run",
}


@pytest.mark.slow
@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("command", COMMANDS)
def test_every_field_is_printed_and_named(command: str, capsys: pytest.CaptureFixture[str]):
    if command in BEFORE:
        run([*BEFORE[command].split(), *RUNS[BEFORE[command]]])
        capsys.readouterr()
    run([*command.split(), *RUNS[command], "--json"])
    printed: dict[str, Any] = json.loads(capsys.readouterr().out)
    rows = table(SECTIONS[command], "field")
    if command == "demo":
        rows = rows + table(SECTIONS["verify"], "field")
    if command == "patch":
        rows = rows + table(SECTIONS["build"], "field")
    assert sorted(first_column(rows)) == sorted(printed)
    for row in rows:
        names, inner = code(row[0]), set(code(row[1]))
        value = printed[names[0]]
        part = value[0] if isinstance(value, list) and value else value
        if len(names) == 1 and inner and isinstance(part, dict):
            assert set(part) == inner, names[0]


def test_models_datasets_and_variables():
    text = SECTIONS["Models and datasets"]
    assert set(shipped_models()) <= set(code(text))
    names = [name for name in first_column(table(text, "name")) if not name.isupper() and "." not in name]
    assert sorted(names) == sorted((*NAMES, *TORCHVISION))
    sources = "\n".join(path.read_text() for path in (ROOT / "snnhw").rglob("*.py"))
    read = set(re.findall(r'environ(?:\.get\(|\[)"(\w+)"', sources)) - {"AMARANTH_USE_YOSYS"}
    assert set(first_column(table(PAGE, "environment variable"))) == read


def test_the_examples_are_the_files():
    assert fences(PAGE, "toml") == [page("examples/digits-circuit.toml"), page("examples/digits.toml")]


def test_the_example_of_an_implementation_is_one_of_the_example_of_a_network():
    network = load_description(ROOT / "examples" / "digits.toml")
    chosen = load_implementation(ROOT / "examples" / "digits-circuit.toml", network)
    assert [(layer.synapse_lanes, layer.neuron_lanes) for layer in chosen.layers] == [(16, 4), (24, 8), (5, 5)]


def test_every_key_of_an_implementation_has_a_row_with_its_option():
    rows = {code(row[0])[0]: set(code(row[1])) for row in table(SECTIONS["Implementation files"], "key")}
    layer = {f"layers.NAME.{name}" for name in LayerImplementation.model_fields}
    assert set(rows) == {*Implementation.model_fields, *layer} - {"layers"}
    for key, named in rows.items():
        option = next(each for each in COMMANDS["verify"].params if each.name == key.rpartition(".")[2])
        assert named == {*option.opts, *option.secondary_opts}


PARTS: dict[str, tuple[Any, ...]] = {
    "": (Network,),
    "encoder.": (Direct, IntegrateFire, Bernoulli, Rate, Latency, Events),
    "readout.": (MembraneReadout, CountReadout, FirstSpikeReadout, VoteReadout),
    "stages.": (Layer,),
    "stages.synapse.": (Dense,),
    "stages.neuron.": (Neuron,),
    "stages.neuron.membrane.": (Range,),
    "stages.neuron.leak.": (Leak,),
    "stages.neuron.spike.": (Spike,),
}


def default_of(field: Any) -> str:
    """A default as the page writes it: nothing where the key must be given, none for null, or JSON."""
    if field.is_required():
        return ""
    return "none" if field.default is None else f"`{json.dumps(field.default, default=vars)}`"


def keys() -> dict[str, set[str]]:
    """Every key that a description can have, with its defaults."""
    found: dict[str, set[str]] = {}
    for prefix, models in PARTS.items():
        for model in models:
            for name, field in model.model_fields.items():
                choice = name == "kind" and len(models) > 1
                found.setdefault(prefix + name, set()).add("" if choice else default_of(field))
    return {name: defaults for name, defaults in found.items() if f"{name}." not in PARTS}


def test_every_key_of_a_description_has_a_row_with_its_default():
    rows = table(SECTIONS["Descriptions"], "key", "default")
    in_files = {"stages.neuron.threshold": {"none"}}  # Python asks for it, TOML has no word for null
    assert {code(row[0])[0]: set(row[1].split(", ")) for row in rows} == keys() | in_files
