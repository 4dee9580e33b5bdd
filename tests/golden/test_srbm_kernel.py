"""The compiled machine against the plain one: every spike, level and state."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from golden.srbm import Srbm, Tick
from golden.srbm_kernel import CompiledSrbm
from snnhw.srbm.machine import Machine

IMAGES = 5

LIVELY = {
    "pixels": 20,
    "classes": 3,
    "labels_per_class": 2,
    "biases": 2,
    "hidden": 13,
    "neuron": {"threshold": 600, "membrane_bits": 12, "refractory": 6},
    "noise": {"kind": "walk", "step": 150, "draws": 4},
    "synapse": {"bits": 8, "refresh_rows": 3, "refresh_level": 150},
    "window": {"visible": 5, "hidden": 3},
    "periods": {"pixel": 7, "label": 8, "bias": 9},
    "phases": {"settle": 7, "data": 31, "transition": 5, "model": 30},
    "inference_ticks": 61,
    "seed": 99,
}
"""A small machine whose units fire often and whose levels saturate within a few images."""

ONE = {"bits": 8, "refresh_rows": 0, "refresh_level": 150, "cell": "3T1R"}

VARIANTS: dict[str, dict[str, Any]] = {
    "walk": {},
    "walk of 1 draw": {"noise": {"kind": "walk", "step": 300, "draws": 1}},
    "walk of 3 draws": {"noise": {"kind": "walk", "step": 180, "draws": 3}},
    "walk of 12 draws": {"noise": {"kind": "walk", "step": 90, "draws": 12}},
    "walk of 16 draws": {"noise": {"kind": "walk", "step": 80, "draws": 16}},
    "longest steps": {"noise": {"kind": "walk", "step": 1 << 20, "draws": 16}, "synapse": {"bits": 16}},
    "sampling": {"noise": {"kind": "sampling", "step": 400, "up": 90, "down": 40}},
    "set of 16 bits": {"synapse": {"bits": 16, "refresh_level": 300}},
    "gradual": {"synapse": {"update": "gradual", "bits": 7, "refresh_rows": 2, "refresh_level": 90}},
    "abrupt": {"synapse": {"update": "abrupt", "bits": 8, "refresh_rows": 1, "refresh_level": 255}},
    "no refresh": {"synapse": {"bits": 8, "refresh_rows": 0, "refresh_level": 150}},
    "refresh of all rows": {"synapse": {"bits": 8, "refresh_rows": 28, "refresh_level": 20}},
    "decay": {"synapse": {"bits": 8, "refresh_rows": 5, "refresh_level": 255, "decay_shift": 2}},
    "one device, gradual": {"synapse": {**ONE, "update": "gradual"}},
    "one device, abrupt": {"synapse": {**ONE, "update": "abrupt"}},
    "no biases": {"biases": 0},
    "one hidden unit": {"hidden": 1},
    "clamped faster than the window": {"periods": {"pixel": 2, "label": 3, "bias": 9}},
    "shortest phases": {"phases": {"settle": 1, "data": 1, "transition": 1, "model": 1}},
    "transition shorter than the window": {"phases": {"settle": 2, "data": 40, "transition": 1, "model": 40}},
    "widest window": {"window": {"visible": 6, "hidden": 7}},
    "narrowest window": {"window": {"visible": 1, "hidden": 1}},
    "an inference shorter than the period": {"inference_ticks": 4},
}


def machine_of(variant: str) -> Machine:
    return Machine.model_validate({**LIVELY, **VARIANTS[variant]})


def levels_of(machine: Machine, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray | None]:
    """Random levels, from the least to the most that there can be; bias to bias is 0."""
    top, reference = machine.synapse.levels.hi, machine.synapse.reference
    scale = 60 if machine.synapse.paired else 20
    weights = np.rint(rng.normal(0, scale, (machine.rows, machine.columns))).astype(np.int64)
    weights[machine.visible :, machine.hidden :] = 0
    if not machine.synapse.paired:
        return np.clip(reference + weights, 0, top), None
    high = rng.integers(0, top // 2, weights.shape)
    high[machine.visible :, machine.hidden :] = 0
    return np.clip(high + weights, 0, top), np.clip(high, 0, top)


def counts_by_phase(machine: Machine, ticks: list[Tick]) -> np.ndarray:
    fired = np.array([np.concatenate([tick.rows, tick.columns]) for tick in ticks])
    phases = machine.phases
    ends = np.cumsum([phases.settle, phases.data, phases.transition])
    return np.array([part.sum(axis=0) for part in np.split(fired, ends)])


@pytest.mark.slow
@pytest.mark.parametrize("variant", VARIANTS)
def test_equals_the_plain_machine(variant):
    machine, rng = machine_of(variant), np.random.default_rng(len(variant))
    gp, gm = levels_of(machine, rng)
    plain, compiled = Srbm(machine, gp, gm, walk=77), CompiledSrbm(machine, gp, gm, walk=77)
    bits = rng.integers(0, 2, (IMAGES, machine.pixels)).astype(np.uint8)
    labels = rng.integers(0, machine.classes, IMAGES)
    steps = np.array([3, 60, 1, 0, 9])
    holds = np.array([False, True, False, True, True])
    counts = compiled.train(bits, labels, steps, holds)
    for image, label, step, hold, counted in zip(bits, labels, steps, holds, counts, strict=True):
        ticks: list[Tick] = []
        plain.train(image, int(label), int(step), bool(hold), trace=ticks.append)
        np.testing.assert_array_equal(counted, counts_by_phase(machine, ticks))
    assert counts[:, :, machine.rows :].sum() > 0
    assert (compiled.walk, compiled.refresh) == (plain.walk, plain.refresh)
    np.testing.assert_array_equal(compiled.gp, plain.gp)
    np.testing.assert_array_equal(compiled.gm, plain.gm)
    np.testing.assert_array_equal(compiled.weights, plain.gp - plain.gm)

    known = rng.integers(0, 2, bits.shape).astype(np.uint8)
    inferred = compiled.infer(bits, threads=2)
    regenerated = compiled.regenerate(bits, known, threads=2)
    for n, image in enumerate(bits):
        ticks = []
        chosen, scores = plain.infer(image, trace=ticks.append)
        assert chosen == inferred.classes[n]
        np.testing.assert_array_equal(scores, inferred.scores[n])
        spikes = np.array([np.concatenate([tick.rows, tick.columns]) for tick in ticks]).sum(axis=0)
        np.testing.assert_array_equal(spikes, inferred.spikes[n])
        chosen, scores, completed = plain.regenerate(image, known[n])
        assert chosen == regenerated.classes[n]
        np.testing.assert_array_equal(scores, regenerated.scores[n])
        np.testing.assert_array_equal(completed, regenerated.images[n])
    assert (compiled.walk, compiled.refresh) == (plain.walk, plain.refresh)


@pytest.mark.slow
@pytest.mark.parametrize("sign", [1, -1])
def test_equals_the_plain_machine_where_sums_are_largest(sign):
    """All rows fire in every tick, and bring a hidden unit the most that 32 bits hold."""
    machine = Machine.model_validate(
        {
            **LIVELY,
            **{"pixels": 32_767, "classes": 1, "labels_per_class": 1, "biases": 0, "hidden": 1},
            "noise": {"kind": "walk", "step": 0},
            "synapse": {"bits": 16, "refresh_rows": 0},
            "periods": {"pixel": 1, "label": 1},
            "phases": {"settle": 2, "data": 9, "transition": 1, "model": 2},
        }
    )
    assert -machine.row_current.lo == 32_768 * 65_535
    levels = [np.full((machine.rows, 1), level) for level in ((65_535, 0) if sign > 0 else (0, 65_535))]
    plain, compiled = Srbm(machine, *levels), CompiledSrbm(machine, *levels)
    bits = np.ones((1, machine.pixels), np.uint8)
    ticks: list[Tick] = []
    plain.train(bits[0], 0, 3, trace=ticks.append)
    counts = compiled.train(bits, np.zeros(1, int), np.array([3]), np.array([False]))
    np.testing.assert_array_equal(counts[0], counts_by_phase(machine, ticks))
    assert (counts[0, 1, -1] > 0) == (sign > 0)
    np.testing.assert_array_equal(compiled.weights, plain.gp - plain.gm)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"bits": np.zeros((2, 19))}, r"images must be \[B, 20\] bits"),
        ({"bits": np.full((2, 20), 2)}, "each 0 or 1"),
        ({"labels": [0, 3]}, r"labels must be 2 integers in 0\.\.2"),
        ({"labels": [0]}, "labels must be 2 integers"),
        ({"labels": [0.0, 1.7]}, "labels must be 2 integers"),
        ({"labels": ["0", "1"]}, "labels must be 2 integers"),
        ({"steps": [-1, 0]}, r"steps must be 2 integers in 0\.\.255"),
        ({"holds": [True]}, "holds must be 2"),
    ],
)
def test_training_refuses_what_does_not_fit(change, words):
    machine = machine_of("walk")
    compiled = CompiledSrbm(machine, *levels_of(machine, np.random.default_rng(1)))
    given = {"bits": np.zeros((2, 20)), "labels": [0, 1], "steps": [1, 1], **change}
    before = compiled.gp
    with pytest.raises(ValueError, match=words):
        compiled.train(**given)
    np.testing.assert_array_equal(compiled.gp, before)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"gp": np.zeros((27, 15), int)}, r"levels must be integers \[28, 15\]"),
        ({"gp": np.zeros((28, 15))}, "not float64"),
        ({"gm": np.full((28, 15), 256)}, r"levels must lie in 0\.\.255, not 256"),
        ({"gm": None}, "need gm"),
        ({"walk": 0}, "walk must lie in"),
        ({"refresh": 28}, r"refresh in 0\.\.27"),
    ],
)
def test_levels_that_do_not_fit_are_refused(change, words):
    machine = machine_of("walk")
    gp, gm = levels_of(machine, np.random.default_rng(1))
    with pytest.raises(ValueError, match=words):
        CompiledSrbm(machine, **{"gp": gp, "gm": gm, **change})


def test_nothing_to_do_is_done():
    machine = machine_of("walk")
    compiled = CompiledSrbm(machine, *levels_of(machine, np.random.default_rng(1)))
    none = np.zeros((0, 20), np.uint8)
    assert compiled.train(none, none[:, 0], none[:, 0]).shape == (0, 4, 43)
    assert compiled.infer(none).scores.shape == (0, 3)
    with pytest.raises(ValueError, match="known must be one image or 2, not 3"):
        compiled.regenerate(np.zeros((2, 20)), np.ones((3, 20)))
