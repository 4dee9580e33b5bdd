"""A network written as JSON or TOML is the same network; what is wrong in a file is one line."""

from pathlib import Path

import pytest

from snnhw.descriptionfile import load_description, save_description
from snnhw.errors import DescriptionError, OutputError
from snnhw.network import (
    Bernoulli,
    CountReadout,
    Dense,
    Direct,
    Encoder,
    Layer,
    Leak,
    MembraneReadout,
    Network,
    Neuron,
    Range,
    Readout,
    Spike,
    VoteReadout,
)

BY_HAND = """
input_shape = [28, 28]
num_steps = 4
encoder = { kind = "direct", bits = 4 }
readout = { kind = "membrane" }

[[stages]]
name = "hidden"
synapse = { units = 128, weight_bits = 4 }
neuron = { threshold = 256, leak = { kind = "shift", bits = 2 } }

[[stages]]
name = "output"
synapse = { units = 10, weight_bits = 4 }
neuron = {}
"""


def network(encoder: Encoder, readout: Readout) -> Network:
    hidden = Neuron(
        leak=Leak(kind="multiply", amount="per_neuron", bits=4, rounding="toward_zero"),
        threshold="per_neuron",
        reset_amount=3,
        reset_delay=True,
        refractory=2,
        spike=Spike(kind="count", bound=3),
        membrane=Range(lo=-100, hi=900),
        initial=-5,
    )
    last = Neuron.integrator() if readout.kind == "membrane" else Neuron(threshold=9, reset="zero")
    stages = (
        Layer(name="hidden", synapse=Dense(units=6, weight_bits=5), bias=False, neuron=hidden),
        Layer(name="output", synapse=Dense(units=4, weight_bits=3), neuron=last),
    )
    return Network(input_shape=(2, 3, 4), encoder=encoder, stages=stages, readout=readout, num_steps=7)


@pytest.mark.parametrize("suffix", [".json", ".toml", ".TOML"])
@pytest.mark.parametrize("readout", [MembraneReadout(), CountReadout(), VoteReadout(classes=2)], ids=lambda r: r.kind)
@pytest.mark.parametrize("encoder", [Direct(bits=3), Bernoulli(seed=2**32 - 1)], ids=lambda e: e.kind)
def test_what_was_saved_comes_back(tmp_path: Path, encoder: Encoder, readout: Readout, suffix: str):
    saved = network(encoder, readout)
    assert load_description(save_description(saved, tmp_path / f"net{suffix}")) == saved


def test_a_description_by_hand(tmp_path: Path):
    path = tmp_path / "net.toml"
    path.write_text(BY_HAND)
    read = load_description(path)
    assert read.stages[0].neuron == Neuron(leak=Leak(kind="shift", bits=2), threshold=256)
    assert read.stages[1].neuron == Neuron.integrator()
    assert load_description(save_description(read, tmp_path / "net.json")) == read


@pytest.mark.parametrize("suffix", [".toml", ".json"])
def test_a_byte_order_mark_is_passed_over(tmp_path: Path, suffix: str):
    path = save_description(network(Direct(bits=3), CountReadout()), tmp_path / f"net{suffix}")
    before = load_description(path)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert load_description(path) == before


def test_a_file_that_is_there_is_kept_unless_told(tmp_path: Path):
    path = save_description(network(Direct(), MembraneReadout()), tmp_path / "net.json")
    with pytest.raises(OutputError, match="is there already"):
        save_description(network(Direct(bits=1), MembraneReadout()), path)
    assert load_description(path).encoder == Direct()
    save_description(network(Direct(bits=1), MembraneReadout()), path, overwrite=True)
    assert load_description(path).encoder == Direct(bits=1)


BAD = {
    "not toml": ("net.toml", "input_shape = [", "net.toml is not valid TOML: "),
    "not json": ("net.json", BY_HAND, "net.json is not valid JSON: "),
    "nested": ("net.json", "[" * 100000, "net.json is not valid JSON: "),
    "a list": ("net.json", "[1]", r"net.json: .* not \[1\]"),
    "stages": ("net.json", '{"stages": [3, {"neuron": 4}]}', r"net.json: input_shape: "),
    "unknown field": (
        "net.toml",
        BY_HAND.replace("bits = 2", "bit = 2"),
        r"leak: there is no key 'bit' .did",
    ),
    "impossible leak": (
        "net.toml",
        BY_HAND.replace("bits = 2", "bits = 0"),
        "stages.0.neuron.leak: .* needs bits >= 1",
    ),
    "unknown kind": ("net.toml", BY_HAND.replace('"direct"', '"sound"'), "encoder: .*'sound'"),
    "forgotten threshold": ("net.toml", BY_HAND.replace("threshold = 256, ", ""), "layer 'hidden' never fires"),
    "another suffix": ("net.yaml", BY_HAND, r"must end with .json or .toml, not 'net.yaml'"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_wrong_in_a_file_is_one_line(tmp_path: Path, case: str):
    name, text, message = BAD[case]
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(DescriptionError, match=message) as raised:
        load_description(path)
    assert "\n" not in str(raised.value)


def test_files_that_cannot_be_read(tmp_path: Path):
    with pytest.raises(DescriptionError, match=r"cannot read .*net.toml: no such file"):
        load_description(tmp_path / "net.toml")
    (tmp_path / "net.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DescriptionError, match="is no text in UTF-8"):
        load_description(tmp_path / "net.json")
