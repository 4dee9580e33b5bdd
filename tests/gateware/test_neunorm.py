# amaranth: UnusedElaboratable=no
# ruff: noqa: ERA001
"""Convolutions with NeuNorm: the same currents and states as golden's whatever the lanes and the stalls."""

import numpy as np
import pytest

from gateware.neunorm import AuxiliaryNeurons, NeuNormConvolution
from golden import neunorm as golden
from snnhw.design import Design
from snnhw.errors import DescriptionError
from snnhw.fpga.parts import FAMILIES
from snnhw.fpga.room import least_cells
from snnhw.interface import ABORT, SAMPLE, STEP
from snnhw.verification import verify
from tests.convolutions import built, conv, model, network, transfers_of, values_of, words_after_resets
from tests.gateware.harness import Stall, from_words, in_steps, simulate
from tests.neunorm import FORMS, deep, neunorm

LANES = {
    "all at once": {},
    "one position": {"position_lanes": 1, "neuron_lanes": 2},
    "groups": {"synapse_lanes": 2, "neuron_lanes": 1},
}
MARKS = [STEP, SAMPLE, STEP, ABORT, STEP, STEP, SAMPLE]


def layer_of(form, lanes="all at once", shape=(2, 4, 5), bits=2):
    return built(model(network(neunorm(**FORMS[form]), shape, bits, num_steps=3), seed=3), **LANES[lanes])


def expected(layer, values, marks):
    """Golden's currents of each step that is not aborted."""
    twin, shown = golden.NeuNormConvolution(layer), []
    state = twin.initial_state(1)
    for row, mark in zip(values, marks, strict=True):
        state, current = twin.step(state, row[None])
        shown += [] if mark == ABORT else [current[0].tolist()]
        state = state if mark == STEP else twin.initial_state(1)
    return shown


def found(layer, values, marks, stall=None):
    run = simulate(NeuNormConvolution(layer), {"events": transfers_of(values, marks)}, stall, patience=4000)
    words = [word["current"] for word in run.payloads("currents")]
    return [from_words(layer.shape, step) for step in in_steps(words, layer.shape.words)]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("form", "lanes"),
    [
        ("folded", "all at once"),
        ("folded, positions", "groups"),
        ("per channel", "one position"),
        ("rank one", "all at once"),
        ("rank one", "groups"),
    ],
)
def test_currents_are_goldens(form, lanes):
    """Over three samples, one of them aborted, sinks and sources waiting."""
    layer = layer_of(form, lanes)
    values = values_of(layer, len(MARKS))
    stall = [Stall(), Stall(sink=0.8, seed=1), Stall(0.5, 0.5, True, 2)][(len(form) + len(lanes)) % 3]
    assert found(layer, values, MARKS, stall) == expected(layer, values, MARKS)


def test_currents_of_a_small_layer_are_goldens():
    layer = layer_of("rank one", shape=(2, 2, 2))
    values = values_of(layer, len(MARKS))
    assert found(layer, values, MARKS, Stall(0.3, 0.3, seed=4)) == expected(layer, values, MARKS)


@pytest.mark.slow
def test_a_reset_of_one_cycle_leaves_nothing():
    layer = layer_of("folded", shape=(2, 2, 3))
    values = values_of(layer, 4)[[2, 0, 2, 3]]
    wanted = expected(layer, values[3:], [SAMPLE])
    for words in words_after_resets(NeuNormConvolution(layer), values[:2], values[3:], (31, 62, 75), 200):
        assert [from_words(layer.shape, words)] == wanted


@pytest.mark.slow
def test_states_and_cycles_are_compared_and_a_state_that_does_not_decay_is_found(monkeypatch):
    chosen = model(deep(neunorm(**FORMS["folded"], decay_bits=1), (3, 3), num_steps=2), seed=5)
    design = Design.of(chosen, synapse_lanes={"first": 2}, neuron_lanes={"first": 1})
    samples = np.random.default_rng(6).integers(0, 256, (2, 3, 3), np.uint8)
    report = verify(design, samples, engine="amaranth")
    assert (report.equal, report.timing_mismatches) == (True, 0)
    monkeypatch.setattr(AuxiliaryNeurons, "left", lambda self, old, ends: old)
    report = verify(design, samples, engine="amaranth")
    assert report.divergence is not None
    assert (report.divergence.stage, report.divergence.step) == ("first.auxiliary", 1)


def test_the_room_for_both_convolutions_is_told_before_synthesis():
    """Folded weights stand in a memory beside that of the spikes'; what spikes' weights need in registers stays."""
    cells = []
    for synapse in (neunorm(channels=64), conv(64, 3, padding=1)):
        chosen = model(network(synapse, (16, 20, 20), num_steps=3), seed=3)
        (least,) = [of for name, of in least_cells(Design.of(chosen), FAMILIES["xc7"]).items() if name == "first"]
        cells.append(least)
    assert cells[0].bram > cells[1].bram > 0
    assert cells[0].ff == cells[1].ff > 0


def test_what_there_is_no_circuit_of_is_refused():
    with pytest.raises(
        DescriptionError, match="would keep 540 numbers, a kernel of every channel for each of 4 x 5 positions"
    ):
        layer_of("full")
    wide = built(model(network(neunorm(form="per_channel", auxiliary_bits=16), (2, 4, 4))))
    with pytest.raises(DescriptionError, match=r"round them with snnhw\.neunorm\.folded"):
        NeuNormConvolution(wide)
    with pytest.raises(DescriptionError, match="cannot have weights that are loaded"):
        built(model(network(neunorm(), (2, 4, 4))), memory="ram")
