"""The learner by STDP: every number against a plain reading of its page, published vectors, and corners by name."""

from __future__ import annotations

import hashlib
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from golden.stdp import Stdp, Step, spike_steps, strengths
from golden.stdp_kernel import CompiledStdp
from snnhw.data import load
from snnhw.errors import DatasetError, DescriptionError
from snnhw.stdp.learner import Learner, Window, parse_learner
from tests.stdp_oracle import Oracle

SMALL: dict[str, Any] = {
    "pixels": 6,
    "neurons": 3,
    "classes": 3,
    "num_steps": 4,
    "weight_bits": 4,
    "leakage": 2,
    "threshold": 9,
    "fall": 8,
    "spikes": 2,
    "nudge": 40,
    "margin": 3,
}


def learner_of(**changes: Any) -> Learner:
    return Learner.model_validate({**SMALL, **changes})


def images_of(count: int, pixels: int, seed: int) -> np.ndarray:
    """Images of which about a third is black, and some are black wholly."""
    rng = np.random.default_rng(seed)
    values = rng.integers(0, 256, (count, pixels)) * (rng.random((count, pixels)) < 0.7)
    values[rng.random(count) < 0.1] = 0
    return values.astype(np.uint8)


def sha(weight: np.ndarray) -> str:
    return hashlib.sha256(weight.astype(np.uint8).tobytes()).hexdigest()


@cache
def digits(name: str, split: str) -> np.ndarray:
    """The first 300 images; the test is left out where the dataset was not fetched."""
    try:
        images: np.ndarray = load(name, split, 300).images.reshape(-1, 784)
    except DatasetError as error:
        pytest.skip(str(error))
    return images


WINNERS = [(40, 6), (14, 5), (44, 7), (7, 7), (20, 7), (20, 5), (22, 7), (40, 3)]
VECTORS = [
    ("mnist", "train", 8, 0xBF0040E6, "0053d25439c981dc"),
    ("mnist", "train", 4, 0xBF0040E6, "7f2ca9e0f77e0f78"),
    ("sample", "test", 8, 0xBF0040E6, "c9e945928c7d2e5d"),
    ("sample", "test", 4, 0xBF0040E6, "1075f45ae1a999d4"),
]
"""Dataset, bits, and what 300 images leave: the register, and how the digest of the weights begins."""


@pytest.mark.slow
@pytest.mark.parametrize(("name", "split", "bits", "register", "digest"), VECTORS)
def test_the_vectors_of_the_page(name: str, split: str, bits: int, register: int, digest: str):
    images, plain = digits(name, split), Stdp(Learner.usual(50, bits))
    compiled = CompiledStdp(plain)
    found = compiled.train(images, 32)
    assert (compiled.register, sha(compiled.weight)[:16]) == (register, digest)
    if (name, bits) == ("mnist", 8):
        assert found[:8].tolist() == [list(won) for won in WINNERS]
    assert [plain.train(image, 32) for image in images] == [tuple(won) for won in found]
    np.testing.assert_array_equal(compiled.weight, plain.weight)
    np.testing.assert_array_equal(compiled.threshold, plain.threshold)


@st.composite
def learners(draw: Any) -> Learner:
    """Small learners of every kind that a description allows."""
    pixels, neurons = draw(st.integers(1, 6)), draw(st.integers(1, 5))
    bits = draw(st.integers(2, 8))
    top = (1 << bits) - 1
    window = Window(
        shape=draw(st.sampled_from(["exponential", "rectangular"])),
        **{name: draw(st.integers(0, 2)) for name in ("a_plus", "a_minus", "silent")},
        **{name: draw(st.integers(1, 9)) for name in ("tau_plus", "tau_minus")},
    )
    return Learner(
        pixels=pixels,
        neurons=neurons,
        classes=draw(st.integers(1, 4)),
        num_steps=draw(st.integers(1, 9)),
        weight_bits=bits,
        leakage=draw(st.integers(0, top)),
        threshold=draw(st.integers(0, pixels * top)),
        fall=draw(st.sampled_from([0, 1, 16, 300, 1 << 12])),
        window=window,
        bounds=draw(st.sampled_from(["soft", "hard"])),
        forced=draw(st.booleans()),
        spikes=draw(st.integers(1, neurons)),
        readout_bits=draw(st.integers(4, 16)),
        nudge=draw(st.sampled_from([0, 1, 32, 64 * top, 1 << 16])),
        margin=draw(st.integers(0, 60)),
        seed=draw(st.integers(1, (1 << 32) - 1)),
    )


def same(plain: Stdp, oracle: Oracle, compiled: CompiledStdp) -> None:
    """Every number that lasts."""
    assert plain.weight.tolist() == oracle.weight == compiled.weight.tolist()
    assert plain.threshold.tolist() == oracle.threshold == compiled.threshold.tolist()
    assert plain.readout.tolist() == oracle.readout == compiled.readout.tolist()
    assert plain.register == oracle.register == compiled.register


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(st.data())
def test_every_number_is_the_oracles(data: st.DataObject):
    learner = data.draw(learners(), label="learner")
    rng = np.random.default_rng(data.draw(st.integers(0, 1 << 16), label="seed"))
    assigned = rng.integers(0, learner.classes, learner.neurons)
    plain, oracle = Stdp(learner, assigned=assigned), Oracle(learner, assigned.tolist())
    compiled = CompiledStdp(plain)
    same(plain, oracle, compiled)
    for image in images_of(6, learner.pixels, int(rng.integers(1 << 16))):
        label, amplitude, rate = int(rng.integers(learner.classes)), 1 << int(rng.integers(7)), int(rng.integers(1, 5))
        listed, one, classes = image.tolist(), image[None], np.array([label])
        won = plain.train(image, amplitude)
        assert won == oracle.train(listed, amplitude)
        assert compiled.train(one, amplitude).tolist() == [[-1, 0] if won is None else list(won)]
        won = plain.teach(image, label, amplitude)
        assert won == oracle.teach(listed, label, amplitude)
        assert compiled.teach(one, classes, amplitude).tolist() == [[-1, 0] if won is None else list(won)]
        fired = plain.infer(image)
        assert fired == oracle.infer(listed)
        spikes, _, _ = compiled.infer(one)
        assert [tuple(spike) for spike in spikes[0].tolist() if spike[0] >= 0] == fired
        answer, scores = plain.train_readout(image, label, rate)
        assert (answer, scores.tolist()) == oracle.train_readout(listed, label, rate)
        assert compiled.train_readout(spikes, classes, rate).tolist() == [answer]
        answer, scores = plain.score(fired)
        _, compiled_scores, answers = compiled.infer(one)
        assert (answers.tolist(), compiled_scores.tolist()) == ([answer], [scores.tolist()])
        same(plain, oracle, compiled)


class TestPixels:
    def test_the_brightest_fires_first_and_the_darkest_last(self):
        assert spike_steps(np.array([255, 224, 223, 128, 1], np.uint8), 8).tolist() == [0, 0, 1, 3, 7]

    def test_a_black_one_never_fires(self):
        assert spike_steps(np.array([0], np.uint8), 8).tolist() == [8]


class TestWindow:
    def test_the_default_halves_every_four_steps(self):
        assert strengths(Learner(), 7, 32)[:8].tolist() == [16, 16, 16, 16, 32, 32, 32, 32]
        assert strengths(Learner(), 0, 32).tolist() == [32, 64, 64, 64, 32, 32, 32, 32, 32]

    def test_a_rectangle_ends(self):
        window = Window(shape="rectangular", tau_plus=2, tau_minus=3)
        assert strengths(Learner(window=window), 3, 8).tolist() == [0, 0, 8, 8, 16, 16, 0, 0, 8]

    def test_the_plain_pair_rule_leaves_silent_synapses_as_they_are(self):
        learner = learner_of(window={"silent": 0}, threshold=0)
        stdp = Stdp(learner, np.full((6, 3), 9))
        image = np.array([255, 255, 0, 0, 0, 0], np.uint8)
        stdp.train(image, 64)
        assert stdp.weight[2:].tolist() == [[9] * 3] * 4
        assert stdp.weight[:2, 0].min() > 9


class TestCompetition:
    def test_the_first_of_equals_wins(self):
        stdp = Stdp(learner_of(), np.full((6, 3), 9))
        assert stdp.train(np.full(6, 255, np.uint8), 1) == (0, 0)

    def test_the_threshold_itself_is_enough(self):
        weight = np.full((6, 3), 11)  # 11 less 2, in the first step: 9 is the threshold
        assert Stdp(learner_of(), weight).train(np.array([255, 0, 0, 0, 0, 0], np.uint8), 1) == (0, 0)
        assert Stdp(learner_of(), weight - 1).train(np.array([255, 0, 0, 0, 0, 0], np.uint8), 1) == (0, 3)

    def test_where_none_reaches_it_the_nearest_fires_in_the_last_step(self):
        threshold = np.array([2000, 1999, 2000]) * 64
        assert Stdp(learner_of(), threshold=threshold).train(np.zeros(6, np.uint8), 1) == (1, 3)

    def test_unless_nothing_is_forced_and_then_nothing_changes(self):
        stdp = Stdp(learner_of(forced=False))
        before = stdp.weight.copy()
        assert stdp.train(np.zeros(6, np.uint8), 64) is None
        assert stdp.teach(np.zeros(6, np.uint8), 1, 64) is None
        np.testing.assert_array_equal(stdp.weight, before)
        assert stdp.threshold.tolist() == [9 * 64] * 3 and Stdp(learner_of()).register == stdp.register
        assert stdp.infer(np.zeros(6, np.uint8)) == []
        assert stdp.score([])[0] == 0

    def test_a_membrane_never_falls_below_0(self):
        steps: list[Step] = []
        Stdp(learner_of()).infer(np.array([1, 0, 0, 0, 0, 0], np.uint8), trace=steps.append)
        assert [step.membrane.tolist() for step in steps[:3]] == [[0, 0, 0]] * 3

    def test_the_sum_of_thresholds_stays(self):
        stdp = Stdp(learner_of(threshold=100))
        for image in images_of(20, 6, 3):
            stdp.train(image, 16)
        assert stdp.threshold.sum() == 3 * 100 * 64

    def test_thresholds_saturate_at_both_ends(self):
        highest = (1 << 24) - 1
        stdp = Stdp(learner_of(fall=1 << 12), threshold=np.array([0, 5, highest]))
        stdp.train(np.full(6, 255, np.uint8), 1)
        assert stdp.threshold.tolist() == [3 << 12, 0, highest - (1 << 12)]
        stdp.threshold[:] = highest
        stdp.train(np.full(6, 255, np.uint8), 1)
        assert stdp.threshold.max() == highest


class TestTeaching:
    def right_and_wrong(self, assigned: list[int], label: int) -> tuple[Stdp, np.ndarray, np.ndarray]:
        """A learner whose neuron 0 wins, after it was taught; its weights and thresholds before."""
        weight = np.tile([9, 8, 7], (6, 1))
        stdp = Stdp(learner_of(), weight, assigned=np.array(assigned))
        before = stdp.threshold.copy()
        assert stdp.teach(np.full(6, 255, np.uint8), label, 64) == (0, 0)
        return stdp, stdp.weight - weight, stdp.threshold - before

    def test_the_right_winner_learns_and_no_threshold_moves(self):
        _, weights, thresholds = self.right_and_wrong([1, 2, 0], 1)
        assert (weights[:, 0] > 0).all() and not weights[:, 1:].any() and not thresholds.any()

    def test_a_wrong_winner_unlearns_and_the_best_of_the_class_learns(self):
        _, weights, thresholds = self.right_and_wrong([0, 1, 1], 1)
        assert (weights[:, 0] < 0).all() and (weights[:, 1] > 0).all() and not weights[:, 2].any()
        assert thresholds.tolist() == [40, -40, 0]

    def test_without_a_neuron_of_the_class_the_winner_unlearns_alone(self):
        _, weights, thresholds = self.right_and_wrong([0, 1, 1], 2)
        assert (weights[:, 0] < 0).all() and not weights[:, 1:].any()
        assert thresholds.tolist() == [40, 0, 0]


class TestReadout:
    def test_the_j_th_spike_counts_k_less_j(self):
        stdp = Stdp(learner_of(), readout=np.array([[1, 0, 0], [0, 10, 0], [0, 0, 100]]))
        assert stdp.score([(2, 0), (1, 3)])[1].tolist() == [0, 10, 200]

    def test_of_equal_scores_the_lowest_class_answers(self):
        assert Stdp(learner_of(), readout=np.array([[0, 7, 7]] * 3)).score([(0, 0)])[0] == 1

    def test_it_learns_up_to_the_margin_and_no_further(self):
        image = np.full(6, 255, np.uint8)
        for ahead, learns in (
            (4, True),
            (5, False),
        ):  # the margin is 3 * 2^2, and a first spike counts twice, then once
            stdp = Stdp(learner_of(), np.tile([9, 8, 7], (6, 1)), readout=np.array([[ahead, 0, 0]] * 3))
            stdp.train_readout(image, 0, 1)
            assert (stdp.readout[0].tolist() == [ahead, 0, 0]) != learns

    def test_it_saturates(self):
        stdp = Stdp(learner_of(readout_bits=4, margin=60), readout=np.tile([7, -8, 0], (3, 1)))
        stdp.train_readout(np.full(6, 255, np.uint8), 0, 4)
        assert stdp.readout.max() == 7 and stdp.readout.min() == -8


class TestRefuses:
    @pytest.mark.parametrize("amplitude", [0, 3, 128, -1])
    def test_amplitudes_that_are_no_power_of_two_up_to_64(self, amplitude: int):
        with pytest.raises(ValueError, match=f"amplitude must be a power of two up to 64, not {amplitude}"):
            Stdp(learner_of()).train(np.zeros(6, np.uint8), amplitude)
        with pytest.raises(ValueError, match=f"amplitude must be a power of two up to 64, not {amplitude}"):
            CompiledStdp(Stdp(learner_of())).train(np.zeros((1, 6), np.uint8), amplitude)

    @pytest.mark.parametrize("image", [np.zeros(5, np.uint8), np.zeros(6, np.int64), np.zeros((1, 6), np.uint8)])
    def test_images_of_another_size_or_type(self, image: np.ndarray):
        with pytest.raises(ValueError, match=r"an image must be uint8 \[6\]"):
            Stdp(learner_of()).infer(image)
        with pytest.raises(ValueError, match=r"images must be uint8 \[n, 6\]"):
            CompiledStdp(Stdp(learner_of())).infer(image[..., :5])

    @pytest.mark.parametrize("label", [3, -1])
    def test_labels_that_are_no_class(self, label: int):
        image, plain = np.zeros(6, np.uint8), Stdp(learner_of())
        compiled = CompiledStdp(plain)
        for teach in (
            lambda: plain.teach(image, label, 1),
            lambda: plain.train_readout(image, label, 1),
            lambda: compiled.teach(image[None], np.array([label]), 1),
            lambda: compiled.train_readout(np.full((1, 2, 2), -1, np.int32), np.array([label]), 1),
        ):
            with pytest.raises(ValueError, match=rf"label must lie in 0\.\.2, not {label}"):
                teach()

    @pytest.mark.parametrize("name", ["weight", "threshold", "readout", "assigned"])
    def test_arrays_of_another_size(self, name: str):
        with pytest.raises(ValueError, match=rf"{name} must be \[[0-9, ]+\], not \[7\]"):
            Stdp(learner_of(), **{name: np.zeros(7, int)})  # type: ignore[arg-type]

    @pytest.mark.parametrize(
        ("changes", "words"),
        [
            ({"spikes": 4}, "3 neurons send at most 3 spikes, not 4"),
            ({"weight_bits": 9}, "weight_bits"),
            ({"weight_bits": 1}, "weight_bits"),
            ({"neurons": 0}, "neurons"),
            ({"pixels": 5000}, "pixels"),
            ({"window": {"tau_plus": 0}}, "window.tau_plus"),
            ({"window": {"shape": "round"}}, "window.shape"),
            ({"window": {"a_plus": 3}}, "window.a_plus"),
            ({"seed": 0}, "seed"),
            ({"threshold": 1 << 18}, "threshold"),
            ({"unknown": 1}, "unknown"),
        ],
    )
    def test_descriptions_in_one_line(self, changes: dict[str, Any], words: str):
        with pytest.raises(DescriptionError, match=rf"^small: .*{words}") as caught:
            parse_learner({**SMALL, **changes}, "small")
        assert "\n" not in str(caught.value)


def test_widths_hold_what_is_reached():
    """The largest that weights and thresholds can make of a membrane, an excess and a score."""
    learner = learner_of()
    assert (learner.membrane.hi, learner.excess.lo) == (6 * 15, -((1 << 18) - 1))
    assert (learner.scores.hi, learner.scores.lo) == (3 * 2047, 3 * -2048)
    assert (Learner().initial_weight.lo, Learner().initial_weight.hi) == (76, 153)
