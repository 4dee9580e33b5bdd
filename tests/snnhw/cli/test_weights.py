"""The command that makes images of weights."""

import json

import numpy as np
import pytest

from snnhw.cli.app import run
from snnhw.model import Model
from snnhw.modelfile import save
from snnhw.network import CountReadout, Dense, Direct, Layer, Network, Neuron

NETWORK = Network(
    input_shape=(6,),
    encoder=Direct(bits=2),
    stages=(Layer(name="only", synapse=Dense(units=2, weight_bits=4), bias=False, neuron=Neuron(threshold=9)),),
    readout=CountReadout(),
    num_steps=2,
)
BUILT, NEW = (Model(NETWORK, {"only.weight": np.arange(12).reshape(2, 6) % modulo}) for modulo in (3, 7))


def files(folder, *options):
    save(BUILT, folder / "built.safetensors", overwrite=True)
    save(NEW, folder / "new.safetensors", overwrite=True)
    assert run(["verilog", str(folder / "built.safetensors"), "--out", str(folder / "circuit"), *options]) == 0
    words = [str(folder / "new.safetensors"), "--built", str(folder / "built.safetensors")]
    return ["weights", *words, "--circuit", str(folder / "circuit" / "snn.json"), "--out", str(folder / "image.bin")]


def test_an_image_holds_a_word_for_each_input(tmp_path, capsys):
    command = files(tmp_path, "--memory", "only=ram")
    capsys.readouterr()
    assert run([*command, "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["bytes"] == 6
    assert record["digest"] == NEW.digest
    assert record["built_digest"] == BUILT.digest
    first, second = NEW.layer("only").weight.tolist()
    packed = [low | high << 4 for low, high in zip(first, second, strict=True)]
    assert (tmp_path / "image.bin").read_bytes() == bytes(packed)


@pytest.mark.slow
def test_what_cannot_be_is_told_in_a_line(tmp_path, capsys):
    command = files(tmp_path)
    assert run(command) == 2
    assert "no layer of this circuit takes new weights: build it with --memory LAYER=ram" in capsys.readouterr().err
    command = files(tmp_path, "--memory", "only=ram")
    circuit = tmp_path / "circuit" / "snn.json"
    described = json.loads(circuit.read_text())
    circuit.write_text(json.dumps(described | {"digest": {"sha256": BUILT.digest}}))
    assert run(command) == 2
    assert "was built from the model of digest {'sha256': " in capsys.readouterr().err
    circuit.write_text(json.dumps(described))
    wrong = [word.replace("built.safetensors", "new.safetensors") for word in command]
    assert run(wrong) == 2
    assert f"was built from the model of digest {BUILT.digest[:16]}" in capsys.readouterr().err
    for text in ("{}", "[]", "[" * 9999):
        circuit.write_text(text)
        assert run(command) == 2
        assert "does not describe a circuit" in capsys.readouterr().err
    circuit.unlink()
    assert run(command) == 2
    assert "there is no file" in capsys.readouterr().err
    assert run(["verilog", str(tmp_path / "built.safetensors"), "--memory", "only=disk"]) == 2
    assert "KIND one of rom, ram, spram, not 'only=disk'" in capsys.readouterr().err
