"""Verilog from the command line: the files, the lanes, and what is refused."""

import json
from pathlib import Path

import numpy as np
import pytest

from snnhw.cli.app import run
from snnhw.implementation import Implementation, LayerImplementation
from snnhw.model import Model
from snnhw.modelfile import save
from snnhw.network import Direct


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a small model file."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(1)
    weights = [rng.integers(-8, 8, (6, 12)), rng.integers(-8, 8, (3, 6))]
    save(Model.from_arrays(weights, thresholds=60, encoder=Direct(bits=4), num_steps=3), "tiny.safetensors")
    return tmp_path


@pytest.mark.slow
def test_files_and_lanes(folder: Path, capsys: pytest.CaptureFixture[str]):
    lanes = ["--lanes", "4", "--synapse-lanes", "hidden=5", "--neuron-lanes", "output=1", "--pixels-per-beat", "3"]
    assert run(["verilog", "tiny.safetensors", *lanes, "--no-overlap", "--json"]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    shown = json.loads(captured.out)
    layers = tuple(LayerImplementation(synapse_lanes=n, neuron_lanes=k) for n, k in ((5, 5), (3, 1)))
    expected = Implementation(pixels_per_beat=3, overlap=False, layers=layers)
    assert shown["implementation"] == expected.model_dump(mode="json")
    assert shown["implementation"]["layers"][1].items() >= {"synapse_lanes": 3, "neuron_lanes": 1}.items()
    assert shown["folder"] == "tiny_verilog"
    written = folder / "tiny_verilog" / f"{shown['top']}.v"
    assert str(written.relative_to(folder)) in shown["files"]
    assert shown["digest"] in written.read_text()


def test_weights_in_files_of_their_own(capsys: pytest.CaptureFixture[str]):
    assert run(["verilog", "tiny.safetensors", "--weights", "readmemh", "--out", "made/here"]) == 0
    text = capsys.readouterr().out
    assert "layer hidden: 6 synapse lanes, 6 neuron lanes" in text
    hex_files = list(Path("made/here").glob("*.hex"))
    assert hex_files
    assert all(f"wrote {path}" in text for path in hex_files)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "shell", "port"),
    [
        ([], {"kind": "stream"}, "sample__valid"),
        (["--interface", "axi", "--tdata", "8"], {"kind": "axi", "tdata": 8}, "s_axis_tdata"),
        (
            ["--interface", "uart", "--baud", "9600", "--clock-hz", "1000000"],
            {"kind": "uart", "baud": 9600, "clock_hz": 1000000},
            "rx",
        ),
    ],
)
def test_interfaces(options: list[str], shell: dict[str, object], port: str, capsys: pytest.CaptureFixture[str]):
    assert run(["verilog", "tiny.safetensors", *options, "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["shell"] == shell
    document = json.loads((Path(shown["folder"]) / "snn.json").read_text())
    assert shell.items() <= document["shell"].items()
    assert port in [listed["name"] for listed in document["ports"]]


CANNOT: dict[str, tuple[list[str], str]] = {
    "too many lanes": (["--synapse-lanes", "hidden=7"], "'hidden' has 6 neurons, so 1 to 6 synapse lanes, not 7"),
    "more neuron lanes": (["--lanes", "2", "--neuron-lanes", "hidden=3"], "so 1 to 2 neuron lanes, not 3"),
    "unknown layer": (["--neuron-lanes", "hide=3"], "neuron_lanes: there is no layer 'hide' (did you mean 'hidden'?)"),
    "no number": (["--synapse-lanes", "hidden"], "--synapse-lanes takes LAYER=N, such as hidden=8, not 'hidden'"),
    "no lanes": (["--lanes", "0"], "Invalid value for '--lanes'"),
    "beats": (["--pixels-per-beat", "0"], "Invalid value for '--pixels-per-beat'"),
    "weights": (["--weights", "paper"], "--weights must be one of inline, readmemh, not 'paper'"),
    "interface": (["--interface", "spi"], "--interface must be one of stream, axi, uart, aer, not 'spi'"),
    "width": (["--interface", "axi", "--tdata", "16"], "axi.tdata: Input should be 8, 32 or 64, not 16"),
    "no clock": (["--interface", "uart"], "--interface uart needs --clock-hz"),
    "slow clock": (["--interface", "uart", "--clock-hz", "1000"], "needs a clock of at least 921600 Hz, not 1000"),
    "other option": (["--interface", "axi", "--baud", "9600"], "--baud goes with --interface uart alone"),
    "no bench": (["--interface", "aer", "--testbench"], "there is no test bench behind --interface aer: write that of"),
    "unwritable": (["--out", "tiny.safetensors/x"], "cannot write tiny.safetensors/x: not a directory"),
    "a word of Verilog": (["--top", "module"], "'module' is a word of Verilog's own: choose another name"),
    "no name": (["--top", "2snn"], "a module's name must be letters, digits and _"),
    "images": (
        ["--testbench", "--dataset", "sample"],
        "the network takes images of 12 values, and those of sample are of 28 x 28",
    ),
    "no images": (["--testbench", "--dataset", "x.npy"], "x.npy"),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", CANNOT)
def test_what_cannot_be_is_one_line(case: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    options, message = CANNOT[case]
    monkeypatch.setattr("snnhw.verilog.shell_top", None)  # nothing is elaborated before
    assert run(["verilog", "tiny.safetensors", *options]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert message in captured.err
