"""Every name that a user types is answered, where it is mistyped, with the one that was probably meant."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from snnhw.cli.circuit import engine_name
from snnhw.data import load
from snnhw.data.fetch import fetch
from snnhw.design import Design
from snnhw.errors import SnnhwError
from snnhw.fpga.boards import find_board
from snnhw.fpga.netlist import simulator
from snnhw.fpga.parts import find_part
from snnhw.implementation import Implementation
from snnhw.model import Model
from snnhw.points import find_point
from snnhw.presets import find_preset, preset, resolve_model, resolve_network
from snnhw.shell import UartShell
from snnhw.simulate.engines import engine
from snnhw.srbm.cnn import load_front_end
from snnhw.srbm.experiments import find_experiment
from snnhw.srbm.features import bits
from snnhw.srbm.machine import Machine, parse_machine
from snnhw.srbm.model import Pixels
from snnhw.srbm.presets import find_srbm_preset
from snnhw.train.frontend import train_front_end
from snnhw.train.options import TrainOptions
from tests import toy
from tests.snnhw.srbm.small import small_model

ANY: Any = None
DESIGN = Design(toy.MODEL, toy.IMPLEMENTATION)

MISTYPED: dict[str, tuple[Callable[[], object], str]] = {
    "point": (lambda: find_point("balancd"), "balanced"),
    "board": (lambda: find_board("icebraker"), "icebreaker"),
    "part": (lambda: find_part("xc7a35"), "xc7a35t"),
    "model": (lambda: resolve_model("mnist-mpl"), "mnist-mlp"),
    "network": (lambda: resolve_network("mnist-graed"), "mnist-graded"),
    "preset": (lambda: find_preset("mnist_mlp"), "mnist-mlp"),
    "setting": (lambda: preset("mnist-mlp", weight_bit=3), "weight_bits"),
    "dataset": (lambda: load("fashion_mnist"), "fashion-mnist"),
    "split": (lambda: load("sample", "tests"), "test"),
    "fetched": (lambda: fetch("minst"), "mnist"),
    "engine": (lambda: engine("verilater"), "verilator"),  # type: ignore[arg-type]
    "--engine": (lambda: engine_name("amarant"), "amaranth"),
    "family": (lambda: simulator(DESIGN, "ice-40"), "ice40"),
    "layer": (lambda: DESIGN.layer("hiden"), "hidden"),
    "layer of a model": (lambda: toy.MODEL.layer("hiden"), "hidden"),
    "layer of lanes": (lambda: Implementation.of(toy.NETWORK, event_lanes={"hiden": 2}), "hidden"),
    "choice": (lambda: Implementation.of(toy.NETWORK, overlaps=True), "overlap"),  # type: ignore[call-arg]
    "memory": (lambda: Implementation.of(toy.NETWORK, memory={"hidden": "spam"}), "spram"),  # type: ignore[dict-item]
    "tensor": (lambda: Model.from_tensors(toy.NETWORK, {"hidden.wieght": ANY}), "hidden.weight"),
    "option": (lambda: Model.from_arrays([np.eye(3)], num_step=3), "num_steps"),  # type: ignore[call-arg]
    "spiking RBM": (lambda: find_srbm_preset("srbm-minst"), "srbm-mnist"),
    "experiment": (lambda: find_experiment("bas"), "base"),
    "front end": (lambda: load_front_end("cnn2-dens"), "cnn2-dense"),
    "front end to train": (lambda: train_front_end("cnn2-dens", ANY, ANY, ANY), "cnn2-dense"),
    "features": (lambda: bits("averag", np.zeros((1, 28, 28), np.uint8)), "average"),
    "pixels": (lambda: Pixels("treshold", 0.5), "threshold"),
    "machine": (lambda: parse_machine({"neurn": {}}, "m"), "neuron"),
    "shell": (lambda: UartShell(bauds=9600), "baud"),  # type: ignore[call-arg]
    "training": (lambda: TrainOptions(epoch=3), "epochs"),  # type: ignore[call-arg]
}


@pytest.mark.parametrize("case", MISTYPED)
def test_the_nearest_name_is_told(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    look, meant = MISTYPED[case]
    with pytest.raises((ValueError, TypeError, KeyError, SnnhwError), match=rf"\(did you mean '{meant}'\?\)"):
        look()


def test_numbers_of_numpy_are_numbers_of_trainings_machines_and_shells():
    assert TrainOptions(epochs=np.int64(3), seed=np.uint8(2)) == TrainOptions(epochs=3, seed=2)  # type: ignore[arg-type]
    assert Machine(hidden=np.int32(7)) == Machine(hidden=7)
    assert small_model(walk=np.int64(77)).digest == small_model().digest
    baud: Any = np.int64(9600)
    assert UartShell(baud=baud, clock_hz=baud * 100) == UartShell(baud=9600, clock_hz=960_000)
