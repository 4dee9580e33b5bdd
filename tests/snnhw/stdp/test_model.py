"""The file of a learner by STDP gives back what was saved, and every damage to it is one line that names the field."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save as to_safetensors

from golden.stdp import Stdp
from snnhw.errors import DescriptionError, ModelError, ModelFileError, OutputError
from snnhw.modelfile import load
from snnhw.presets import resolve_model
from snnhw.srbm.model import load_srbm
from snnhw.stdp.learner import Learner
from snnhw.stdp.model import StdpModel, load_stdp, pack, save_stdp, unpack
from snnhw.stdp.presets import STDP_PRESETS, Block, blocks_of, find_stdp_preset, register_of, resolve_stdp
from snnhw.subject import SubjectKind, subject_kind
from tests.snnhw.stdp.small import small_model, small_preset

ARRAYS = ("weight", "threshold", "readout", "assigned")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return save_stdp(small_model(), tmp_path / "learner.safetensors")


def rewritten(path: Path, *, tensors: dict[str, Any] | None = None, **metadata: str | None) -> Path:
    """The file with some tensors or fields of the header put in place of its own (None: left out)."""
    data = path.read_bytes()
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    fields = {**header["__metadata__"], **metadata}
    model = small_model()
    arrays = {name: getattr(model, name) for name in ARRAYS} | {"weight": pack(model.weight, 4)} | (tensors or {})
    kept = {name: text for name, text in fields.items() if text is not None}
    path.write_bytes(to_safetensors({name: array for name, array in arrays.items() if array is not None}, kept))
    return path


def complaint(path: Path) -> str:
    with pytest.raises(ModelFileError) as caught:
        load_stdp(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_what_was_saved_comes_back(file: Path):
    saved, loaded = small_model(), load_stdp(file)
    assert (loaded.learner, loaded.register, dict(loaded.provenance)) == (saved.learner, 77, {"seed": 3})
    assert loaded.digest == saved.digest
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(loaded, name), getattr(saved, name))


@pytest.mark.parametrize("bits", range(2, 9))
def test_weights_of_every_width_are_packed_without_gaps(bits: int):
    weight = np.random.default_rng(bits).integers(0, 1 << bits, (7, 5)).astype(np.uint8)
    packed = pack(weight, bits)
    assert packed.size == -(-35 * bits // 8)
    np.testing.assert_array_equal(unpack(packed, bits, (7, 5)), weight)


def test_of_4_bits_the_lower_half_of_a_byte_comes_first():
    assert pack(np.array([1, 2, 15], np.uint8), 4).tolist() == [0x21, 0x0F]


def test_the_same_model_gives_the_same_bytes(file: Path, tmp_path: Path):
    assert save_stdp(load_stdp(file), tmp_path / "again.safetensors").read_bytes() == file.read_bytes()


def test_a_file_that_is_there_is_kept(file: Path):
    with pytest.raises(OutputError, match="is there already"):
        save_stdp(small_model(), file)


@pytest.mark.parametrize("name", ARRAYS)
def test_the_digest_is_of_every_array(name: str):
    changed = getattr(small_model(), name).copy()
    changed.flat[0] ^= 1
    assert small_model(**{name: changed}).digest != small_model().digest
    assert small_model(register=78).digest != small_model().digest


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"kind": "other"}, "is no learner by STDP"),
        ({"kind": None}, "is no learner by STDP"),
        ({"schema": "9"}, "schema must be 1, not '9'"),
        ({"state": None}, "'state' is missing"),
        ({"state": '{"walk": 1}'}, "state must be a JSON object with register"),
        ({"state": '{"register": 0}'}, "register must be an integer in 1..4294967295, not 0"),
        ({"state": '{"register": 1.5}'}, "register must be an integer"),
        ({"provenance": "[]"}, "provenance must be a JSON object"),
        ({"description": '{"neurons": 0}'}, "description: neurons"),
        ({"description": '{"window": {"tau_plus": 0}}'}, "description: window.tau_plus"),
        ({"description": '{"pixels": 30, "neurons": 9, "spikes": 1}'}, "must have shape [270], 30 x 9 weights of 8"),
        ({"digest": "0" * 64}, "the file was changed"),
        ({"tensors": {"weight": None}}, "'weight' is missing"),
        ({"tensors": {"gx": np.zeros(3, np.uint8)}}, "'gx' is unknown; there are weight, threshold, readout, assigned"),
        ({"tensors": {"threshold": np.zeros(9, np.int64)}}, "must be one of U8, U32, I16, not I64"),
        ({"tensors": {"threshold": np.zeros(8, np.uint32)}}, "'threshold' must have shape [9], not [8]"),
        ({"tensors": {"threshold": np.full(9, 1 << 24, np.uint32)}}, "must lie in 0..16777215, it reaches 16777216"),
        ({"tensors": {"readout": np.full((9, 3), -2049, np.int16)}}, "must lie in -2048..2047, it reaches -2049"),
        ({"tensors": {"assigned": np.full(9, 3, np.uint8)}}, "'assigned' must lie in 0..2, it reaches 3"),
        (
            {"tensors": {"weight": np.zeros(161, np.uint8)}},
            "must have shape [162], 36 x 9 weights of 4 bits, not [161]",
        ),
        ({"tensors": {"weight": np.ones(162, np.uint8)}}, "the file was changed"),
    ],
)
def test_damage_is_named(file: Path, change: dict[str, Any], words: str):
    assert words in complaint(rewritten(file, **change))


def test_arrays_that_do_not_fit_the_learner():
    with pytest.raises(ModelError, match=r"'weight' must have shape \[36, 9\], not \[36, 8\]"):
        small_model(weight=np.zeros((36, 8), np.uint8))
    with pytest.raises(ModelError, match=r"'weight' must lie in 0..15, it reaches 16"):
        small_model(weight=np.full((36, 9), 16))
    with pytest.raises(ModelError, match="'threshold' must hold integers, not float64"):
        small_model(threshold=np.zeros(9))


def test_each_kind_of_file_is_refused_by_the_others(file: Path):
    assert subject_kind(file) == subject_kind("stdp-mnist") == SubjectKind.STDP
    with pytest.raises(ModelFileError, match="a machine of kind 'stdp'"):
        load(file)
    with pytest.raises(ModelFileError, match="is no spiking RBM: its header's kind is 'stdp'"):
        load_srbm(file)
    with pytest.raises(ModelFileError, match="is a learner by STDP, not a network"):
        resolve_model("stdp-mnist")
    assert resolve_stdp(file).digest == small_model().digest


class TestPresets:
    def test_their_names(self):
        assert {name: (made.learner.neurons, made.learner.weight_bits) for name, made in STDP_PRESETS.items()} == {
            "stdp-mnist": (400, 4),
            "stdp-mnist-100": (100, 4),
            "stdp-mnist-50": (50, 8),
        }
        with pytest.raises(DescriptionError, match=r"no learner by STDP 'x'; there are stdp-mnist,"):
            find_stdp_preset("x")

    def test_one_that_does_not_ship_says_how_it_is_made(self):
        with pytest.raises(ModelFileError, match=r"`snnhw train stdp-mnist-50` makes stdp-mnist-50\.saf"):
            resolve_stdp("stdp-mnist-50")

    def test_blocks_share_presentations(self):
        assert blocks_of((8, 4), 5) == (Block(8, 3), Block(4, 2))
        assert [block.presentations for block in small_preset().lasting(50).learning] == [25, 25]
        assert [block.presentations for block in small_preset().lasting(1).learning] == [1, 1]

    def test_seeds_of_the_register(self):
        assert (register_of(1), register_of(2)) == (0xACE1, (0xACE1 + 0x9E3779B9) % (1 << 32))
        assert small_preset().seeded(2).learner.seed == register_of(2)

    def test_no_seed_gives_a_register_that_stands_still(self):
        stuck = -0xACE1 * pow(0x9E3779B9, -1, 1 << 32) % (1 << 32) + 1
        assert (0xACE1 + 0x9E3779B9 * (stuck - 1)) % (1 << 32) == 0
        assert register_of(stuck) == 1


def test_a_model_is_what_golden_is():
    begun = Stdp(Learner())
    model = StdpModel.of(begun)
    np.testing.assert_array_equal(model.weight, begun.weight)
    assert model.register == begun.register and not model.reads_out and small_model().reads_out


def test_arrays_in_another_order_of_memory_are_saved_as_they_are(tmp_path: Path):
    """As those are that were read out of a circuit."""
    saved = small_model(**{name: np.asfortranarray(getattr(small_model(), name)) for name in ARRAYS})
    assert load_stdp(save_stdp(saved, tmp_path / "made.safetensors")).digest == saved.digest == small_model().digest
