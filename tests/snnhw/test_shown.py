"""What a user gets in hand in Python is shown in one line; networks and verifications as tables in a notebook."""

import re
from collections.abc import Callable, Mapping
from functools import cache
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from golden.network import run as run_golden
from golden.srbm import Srbm
from golden.stdp import Stdp
from snnhw.cli.app import run
from snnhw.cli.commanded import print_report
from snnhw.cli.verify import show
from snnhw.data import Dataset, load
from snnhw.design import Design
from snnhw.evaluate import evaluate
from snnhw.fpga.boards import find_board
from snnhw.fpga.parts import find_part
from snnhw.fpga.report import load as load_report
from snnhw.model import Model, tensor_shapes
from snnhw.modelfile import save
from snnhw.network import Dense, Layer, Leak, Network, Neuron
from snnhw.presets import PRESETS, resolve_model
from snnhw.simulate.engines import engine
from snnhw.simulate.simulation import Simulation
from snnhw.srbm.evaluate import SrbmEvaluation
from snnhw.srbm.presets import SRBM_PRESETS, resolve_srbm
from snnhw.srbm.verify import SrbmReport
from snnhw.stdp.evaluate import StdpEvaluation
from snnhw.stdp.presets import STDP_PRESETS, resolve_stdp
from snnhw.stdp.verify import StdpReport
from snnhw.summary import layer_table, summarise
from snnhw.tables import Table
from snnhw.train.options import TrainOptions
from snnhw.train.record import TrainingRecord
from snnhw.training import Trained
from snnhw.verdict import Spread
from snnhw.verification import Report
from snnhw.verilog import emit
from snnhw.wording import counted, shown, sizes
from tests import circuits
from tests.fuzz import valid

MOST = 100
MODEL = resolve_model("mnist-mlp")
SMALL = circuits.model("direct")
SAMPLE = load("sample", limit=3)
SPREAD = Spread(1, 2.0, 3)
REPORT = Report(
    images=3, mismatches=1, correct=2, cycles=SPREAD, interval=None, values=18030, timing_mismatches=0, seconds=1.0,
    build_seconds=2.0, engine="verilator", note=None, digest="", modes=("isolated",), recoveries=4, divergence=None,
    waveform=None, silent=(), problems=("a < b & c",),
)  # fmt: skip
SRBM_REPORT = SrbmReport(
    train_images=1, infer_images=2, regenerate_images=3, lanes=4, spikes=5, membranes=6, levels=7, results=8,
    mismatches=0, timing_mismatches=0, train_cycles=SPREAD, infer_cycles=SPREAD, regenerate_cycles=None,
    divergence=None, problems=(), seconds=1.0, build_seconds=2.0, digest="",
)  # fmt: skip
COUNTS: dict[str, Any] = {name: 1 for name in StdpReport.__dataclass_fields__ if not name.endswith("cycles")}
STDP_REPORT = StdpReport(
    **COUNTS | {"mismatches": 0, "divergence": None, "problems": (), "train_floor": None},
    train_cycles=None, teach_cycles=None, infer_cycles=None, readout_cycles=None,
)  # fmt: skip
RECORD = TrainingRecord(
    network={}, dataset="mnist", dataset_digest="", samples=55000, options=TrainOptions(), versions={}
)


def simulation() -> Simulation:
    design = Design.of(SMALL)
    samples = np.zeros((2, SMALL.network.inputs), np.uint8)
    return engine("amaranth").engine.simulator(design, 2).run(samples, mode="isolated")


OBJECTS: Mapping[str, tuple[Callable[[], Any], str]] = {
    "model": (lambda: MODEL, "Model(784-128-10, weights of 4 bits, 4 steps, 9883 of 10000 (98.83 %) correct)"),
    "network": (lambda: MODEL.network, "Network(784-128-10, weights of 4 bits, 4 steps, direct encoder, membrane re"),
    "stage": (lambda: MODEL.network.stages[0], "Layer(name='hidden', synapse=Dense(units=128, weight_bits=4), neuron="),
    "neuron": (lambda: MODEL.network.stages[0].neuron, "Neuron(leak=Leak(kind='shift', bits=2), threshold=256)"),
    "placed": (lambda: MODEL.network.layers[0], "PlacedLayer('hidden', 128 x 784, weights of 4 bits)"),
    "layer": (lambda: MODEL.layers[1], "ModelLayer('output', 10 x 128, weights of 4 bits)"),
    "ranges": (lambda: MODEL.layers[0].ranges, "LayerRanges(weight -8..7, current "),
    "design": (lambda: Design.of(MODEL, lanes=16), "Design(784-128-10, weights of 4 bits, 4 steps, 16-10 lanes, ste"),
    "built layer": (lambda: Design.of(MODEL, lanes=16).layers[0], "DesignLayer('hidden', 128 x 784, weights of 4 bi"),
    "implementation": (
        lambda: Design.of(MODEL, lanes=16, memory={"output": "ram"}).implementation,
        "Implementation(16-10 lanes, step_major, 8 pixels a beat, rom and ram)",
    ),
    "dataset": (lambda: SAMPLE, "Dataset('sample', test, 3 images of 28 x 28, labels of 3 classes)"),
    "no labels": (lambda: Dataset(SAMPLE.images, None, "x"), "Dataset('x', 3 images of 28 x 28)"),
    "golden": (lambda: run_golden(SMALL, np.zeros((2, SMALL.network.inputs), np.uint8), traces=True), "Result(2 sam"),
    "simulation": (simulation, "Simulation("),
    "evaluation": (lambda: evaluate(MODEL, SAMPLE), "Evaluation(sample, 3 images, 3 of 3 (100.00 %) correct)"),
    "verilog": (lambda: emit(Design.of(SMALL)), "Emitted(snn, "),
    "report": (lambda: REPORT, "Report(NOT EQUAL, 2 of 3 images, 18,030 values, 2 of 3 (66.67 %) correct)"),
    "srbm": (lambda: resolve_srbm("srbm-mnist"), "SrbmModel(784 pixels, 10 x 4 labels, 500 hidden, 6T2R of 12 bits,"),
    "machine": (lambda: SRBM_PRESETS["srbm-mnist"].machine, "Machine(784 pixels, 10 x 4 labels, 500 hidden, 6T2R of"),
    "srbm report": (lambda: SRBM_REPORT, "SrbmReport(equal, 1 training images, 2 inferences, 3 regenerations)"),
    "srbm preset": (lambda: SRBM_PRESETS["srbm-mnist"], "SrbmPreset('srbm-mnist', 784 pixels, "),
    "srbm evaluation": (
        lambda: SrbmEvaluation("x", 3, None, None, np.zeros(3, np.int64), 1, 0.5, 1.0),
        "SrbmEvaluation(x, 3 images, labels not known)",
    ),
    "stdp": (lambda: resolve_stdp("stdp-mnist"), "StdpModel(784-400-10, weights of 4 bits, 8 steps, 9525 of 10000 "),
    "learner": (lambda: STDP_PRESETS["stdp-mnist"].learner, "Learner(784-400-10, weights of 4 bits, 8 steps, seed "),
    "stdp report": (lambda: STDP_REPORT, "StdpReport(equal, 1 training images, 1 with classes, 1 inferences, 1 for "),
    "stdp preset": (lambda: STDP_PRESETS["stdp-mnist"], "StdpPreset('stdp-mnist', 784 pixels, 400 neurons, "),
    "stdp evaluation": (
        lambda: StdpEvaluation("x", 3, "readout", 2, 2, 2, None, np.zeros(3, np.int64), 1.0, 0.5, 1.0),
        "StdpEvaluation(x, 3 images, 2 of 3 (66.67 %) correct)",
    ),
    "golden srbm": (
        lambda: Srbm(SRBM_PRESETS["srbm-mnist"].machine, *(2 * [np.zeros((832, 508), np.uint16)])),
        "Srbm(784 pixels, 10 x 4 labels, 500 hidden, ",
    ),
    "golden stdp": (lambda: Stdp(STDP_PRESETS["stdp-mnist-50"].learner), "Stdp(784-50-10, weights of 8 bits, 8 steps)"),
    "preset": (lambda: PRESETS["mnist-mlp"], "Preset('mnist-mlp', 784-128-10, weights of 4 bits, "),
    "record": (lambda: RECORD, "TrainingRecord(mnist, 55000 samples, 0 epochs, kept None)"),
    "trained": (lambda: Trained(MODEL, RECORD, {}), "Trained(Model(784-128-10, weights of 4 bits, 4 steps, 9883 of "),
    "board": (lambda: find_board("icebreaker"), "Board(name='iCEBreaker', part='up5k', "),
    "part": (lambda: find_part("up5k"), "Part(name='up5k', family='ice40', "),
}  # fmt: skip


@cache
def made(name: str) -> Any:
    return OBJECTS[name][0]()


@pytest.mark.parametrize("name", OBJECTS)
def test_it_is_shown_in_one_line(name: str):
    for text in (repr(made(name)), str(made(name))):
        assert text.startswith(OBJECTS[name][1])
        assert text.isprintable() and len(text) <= MOST and text.endswith(")")
        assert "array(" not in text


def test_what_is_not_as_usual_is_what_is_shown_and_makes_the_same():
    for part in (Dense(units=3, weight_bits=4), Neuron(threshold=5, refractory=2), Leak(kind="shift", bits=1), Leak()):
        assert eval(repr(part), {kind.__name__: kind for kind in (Dense, Neuron, Leak)}) == part  # noqa: S307
    assert repr(Leak()) == "Leak()"


def test_a_network_of_many_layers_is_shown_in_a_line():
    stages = [
        Layer(name=f"l{n}", synapse=Dense(units=1000 + n, weight_bits=4), neuron=Neuron(threshold=9)) for n in range(40)
    ]
    last = Layer(name="last", synapse=Dense(units=10, weight_bits=5), neuron=Neuron.integrator())
    network = Network(input_shape=(784,), encoder="direct", stages=(*stages, last), readout="membrane", num_steps=4)
    assert repr(network).startswith("Network(784-1000-1001-...-1039-10, weights of 4 and 5 bits, 4 steps, ")
    assert len(repr(network)) <= MOST


def test_a_line_is_bounded_and_without_empty_parts():
    assert shown(1, "a", "", "b") == "int(a, b)"
    assert len(shown(1, "x" * 500)) == MOST and shown(1, "x" * 500).endswith("...)")
    assert [sizes((1, 2, 3)), sizes(range(9))] == ["1-2-3", "0-1-2-...-7-8"]


@pytest.mark.parametrize("accuracy", [None, {}, 0.98, {"correct": 1}, {"correct": 0, "total": 0}])
def test_a_provenance_of_anybody_is_no_error(accuracy: Any):
    assert counted({} if accuracy is None else {"accuracy": accuracy}) == ""
    assert repr(Model(SMALL.network, SMALL.tensors, {"accuracy": accuracy})).startswith("Model(")


def test_a_build_is_shown_in_one_line(tmp_path: Path):
    valid.report(tmp_path)
    text = repr(load_report(str(tmp_path)))
    assert text == str(load_report(str(tmp_path))) == "BuildReport('snn', iCEBreaker (up5k), 12 MHz, timing met, 5 LUT)"


def test_a_cell_is_escaped():
    html = Table((("a < b & 'c'", "1"),), ("<script>", "n"), right=("n",)).html
    assert "<script>" not in html and "&lt;script&gt;" in html and "a &lt; b &amp; &#x27;c&#x27;" in html
    assert html.count('text-align: right">') == 2 and html.startswith("<table>") and html.endswith("</table>")


def cells(html: str) -> set[str]:
    """The texts of a table's cells."""
    return {unescape(text) for text in re.findall(r"<t[dh][^>]*>([^<]*)</t[dh]>", html)}


def test_a_model_and_a_network_are_tables_of_their_layers(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    shapes = tensor_shapes(SMALL.network)
    save(SMALL, tmp_path / "m.safetensors")
    assert run(["info", str(tmp_path / "m.safetensors")]) == 0
    printed = capsys.readouterr().out
    table = layer_table(summarise(SMALL))
    assert cells(SMALL._repr_html_()) == {*table.columns, *(cell for row in table.rows for cell in row)}
    for row in table.rows:
        assert all(cell in printed for cell in row)
    assert cells(SMALL.network._repr_html_()) >= {"unknown", *(layer.name for layer in SMALL.network.layers)}
    assert len(table.rows) == len(SMALL.network.layers) <= len(shapes)


def test_a_report_is_the_table_that_is_printed(capsys: pytest.CaptureFixture[str]):
    show(REPORT, recoveries=True)
    print_report(SRBM_REPORT)
    print_report(STDP_REPORT)
    printed = capsys.readouterr().out
    for report in (REPORT, SRBM_REPORT, STDP_REPORT):
        found = cells(report._repr_html_())
        assert all(text in printed for text in found) and len(found) > 5
    assert {"NOT EQUAL", "2 of 3 images", "a < b & c"} <= cells(REPORT._repr_html_())
    assert "a < b" not in REPORT._repr_html_()
    assert "NOT EQUAL: 2 of 3 images\n" in printed and "\ncorrect             2 of 3 (66.67 %)\n" in f"\n{printed}"
