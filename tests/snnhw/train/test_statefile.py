"""A state_dict that torch saved is a model at the command line, and nothing in its file is executed."""

import json
import pickle
import sys
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from snnhw.cli.app import run
from snnhw.errors import ModelFileError, ToolMissingError
from snnhw.model import Model
from snnhw.presets import resolve_model, resolve_network

DESCRIPTION = """
input_shape = [4]
num_steps = 2
encoder = "rate"
readout = "count"

[[stages]]
name = "only"
synapse = { units = 3, weight_bits = 4 }
neuron = { threshold = 5 }
"""
TENSORS = {
    "only.weight": torch.arange(-6, 6, dtype=torch.int8).reshape(3, 4),
    "only.bias": torch.zeros(3, dtype=torch.int64),
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Files lie in the working folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def module() -> nn.Sequential:
    torch.manual_seed(1)
    return nn.Sequential(OrderedDict(fc1=nn.Linear(784, 5), fc2=nn.Linear(5, 10)))


@pytest.mark.parametrize("suffix", [".pt", ".pth", ".PT"])
def test_weights_alone_are_a_model_and_what_is_assumed_is_said(suffix: str, caplog: pytest.LogCaptureFixture):
    torch.save(module().state_dict(), f"net{suffix}")
    model = resolve_model(f"net{suffix}")
    assert model.digest == Model.from_state_dict(module().state_dict()).digest
    assert model.provenance["state_dict"] == f"net{suffix}"
    assert "threshold 1 (thresholds)" in caplog.records[0].getMessage()
    assert resolve_network(f"net{suffix}") == model.network


def test_the_command_line_takes_it(capsys: pytest.CaptureFixture[str]):
    torch.save(module().state_dict(), "net.pt")
    assert run(["info", "net.pt", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["digest"] == resolve_model("net.pt").digest


def test_the_weights_of_a_checkpoint_are_taken_and_that_is_said(caplog: pytest.LogCaptureFixture):
    torch.save({"epoch": 3, "optimizer": {"lr": 0.1}, "state_dict": module().state_dict()}, "net.pt")
    assert resolve_model("net.pt").digest == Model.from_state_dict(module().state_dict()).digest
    assert "net.pt is a checkpoint: ['state_dict'] of it is taken" in [r.getMessage() for r in caplog.records]


@pytest.mark.parametrize("suffix", [".pt", ".pth"])
def test_beside_a_description_they_are_its_tensors(suffix: str):
    Path("net.toml").write_text(DESCRIPTION)
    torch.save(TENSORS, f"net{suffix}")
    model = resolve_model("net.toml")
    assert model.layer("only").weight.tolist() == TENSORS["only.weight"].tolist()
    assert resolve_model(f"net{suffix}").digest == model.digest
    assert resolve_network(f"net{suffix}") == model.network
    arrays: dict[str, Any] = {name: value.numpy() for name, value in TENSORS.items()}
    np.savez("net.npz", **arrays)
    with pytest.raises(ModelFileError, match=rf"net.toml has weights in net.npz and in net\{suffix}: keep one"):
        resolve_model("net.toml")


class Evil:
    """What would run if a file were unpickled as it is."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (Path("executed"),))


def whole(path: Path) -> None:
    torch.save(module(), path)


def evil(path: Path) -> None:
    torch.save({"fc.weight": torch.eye(3), "x": Evil()}, path)


def plain_pickle(path: Path) -> None:
    path.write_bytes(pickle.dumps(Evil()))


def damaged(path: Path) -> None:
    torch.save(module().state_dict(), path)
    path.write_bytes(path.read_bytes()[:500])


REFUSED: dict[str, tuple[Any, str]] = {
    "a whole module": (whole, r"net.pt holds more than weights, .* save the module's .state_dict\(\) instead"),
    "a program": (evil, "net.pt holds more than weights, .*"),
    "a bare pickle": (plain_pickle, "net.pt holds more than weights|cannot read net.pt"),
    "damaged": (damaged, "cannot read net.pt: .*; save the state_dict again"),
    "text": (lambda path: path.write_text("hello"), "cannot read net.pt: .*; save the state_dict again"),
    "a list": (lambda path: torch.save([torch.eye(3)], path), "net.pt: a state_dict must be a mapping .*, not list"),
    "by module": (
        lambda path: torch.save({"fc1": {"weight": torch.eye(3)}, "fc2": {"weight": torch.eye(3)}}, path),
        "net.pt: the entries are nested by module: name them 'fc1.weight' and so on",
    ),
    "a convolution": (
        lambda path: torch.save({"c.weight": torch.zeros(2, 1, 3, 3)}, path),
        r"net.pt: 'c.weight' has shape .*Conv2d.*say in Python: Model.from_state_dict",
    ),
    "integers": (
        lambda path: torch.save({"a.weight": torch.eye(3).int(), "b.weight": torch.eye(3).int()}, path),
        "needs a threshold: give thresholds; what it does not say, say in Python",
    ),
    "nothing": (lambda path: None, "weights file net.pt is not there"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_other_files_are_refused_in_one_line_and_nothing_runs(case: str):
    make, message = REFUSED[case]
    make(Path("net.pt"))
    with pytest.raises(ModelFileError, match=message) as raised:
        resolve_model("net.pt")
    assert "\n" not in str(raised.value)
    assert "weights_only" not in str(raised.value)
    assert not Path("executed").exists()


def test_floats_beside_a_description_are_told_to_be_quantised():
    Path("net.toml").write_text(DESCRIPTION)
    torch.save({name: value.float() for name, value in TENSORS.items()}, "net.pt")
    with pytest.raises(ModelFileError, match=r"net.pt: tensor 'only.weight' must hold integers, not float32"):
        resolve_model("net.toml")


def test_without_torch_it_says_how(monkeypatch: pytest.MonkeyPatch):
    Path("net.pt").write_bytes(b"x")
    monkeypatch.setitem(sys.modules, "snnhw.train.torchfile", None)
    with pytest.raises(ToolMissingError, match=r"net.pt can be read with PyTorch alone .*pip install 'snnhw\[train\]'"):
        resolve_model("net.pt")
