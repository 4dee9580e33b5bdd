"""The neuron bank against traces computed by hand, and against the published equations of another framework."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from golden.neuron import NeuronBank, leak
from snnhw.network import PER_NEURON, Leak, Neuron, Range, Spike
from tests.layers import dense


def bank_of(neuron: Neuron, currents: list[list[int]], tensors: dict[str, list[int]]) -> NeuronBank:
    """A bank whose ranges hold the given currents [num_steps][units]."""
    units, largest = len(currents[0]), max(abs(current) for row in currents for current in row)
    weight, bias = np.array([[largest, -largest]] * units, np.int64), np.zeros(units, np.int64)
    arrays = {name: np.array(tensor, np.int64) for name, tensor in tensors.items()}
    return NeuronBank(dense(weight, bias, Range(lo=0, hi=1), neuron, len(currents), **arrays))


def run(neuron: Neuron, currents: list[int], **tensors: list[int]) -> dict[str, list[int]]:
    """What one neuron did, step by step, under each of the names that traces use."""
    rows = run_all(neuron, [[current] for current in currents], **tensors)
    return {name: [row[0] for row in values] for name, values in rows.items()}


def run_all(neuron: Neuron, currents: list[list[int]], **tensors: list[int]) -> dict[str, list[list[int]]]:
    """The same for several neurons; ``currents`` is [num_steps][units]."""
    bank = bank_of(neuron, currents, tensors)
    state = bank.initial_state(1)
    traces: dict[str, list[Any]] = {name: [] for name in ("integrated", "spike", "value", *state)}
    for row in currents:
        step = bank.step(state, np.array([row], np.int64))
        state = step.state
        for name, values in {**vars(step), **state}.items():
            if name != "state":
                traces[name].append(values[0].tolist())
    return traces


class TestThreshold:
    @pytest.mark.parametrize(("current", "spike"), [(9, 0), (10, 1), (11, 1), (-10, 0)])
    def test_is_reached_by_equality(self, current, spike):
        assert run(Neuron(threshold=10), [current])["spike"] == [spike]

    def test_compares_what_was_integrated_not_what_is_kept(self):
        assert run(Neuron(threshold=10, reset="none"), [10, -1, 1])["spike"] == [1, 0, 1]

    def test_of_each_neuron_is_its_own(self):
        traces = run_all(Neuron(threshold=PER_NEURON), [[5, 5, 5]], threshold=[4, 5, 6])
        assert traces["spike"] == [[1, 1, 0]]
        assert traces["membrane"] == [[1, 0, 5]]

    def test_none_never_fires(self):
        traces = run(Neuron.integrator(initial=7), [100, -300])
        assert traces["membrane"] == [107, -193]
        assert traces["spike"] == traces["value"] == [0, 0]

    def test_initial_value_is_where_step_0_starts(self):
        assert run(Neuron(threshold=10, initial=-3), [12, 1])["integrated"] == [9, 10]


class TestReset:
    """One neuron, threshold 10, currents 13, 4, 13: it fires, stays silent, fires."""

    @pytest.mark.parametrize(
        ("fields", "integrated", "membrane"),
        [
            ({"reset": "subtract"}, [13, 7, 20], [3, 7, 10]),
            ({"reset": "subtract", "reset_amount": 8}, [13, 9, 22], [5, 9, 14]),
            ({"reset": "zero"}, [13, 4, 17], [0, 4, 0]),
            ({"reset": "none"}, [13, 17, 30], [13, 17, 30]),
            ({"reset": "subtract", "reset_delay": True}, [13, 7, 20], [13, 7, 20]),
            ({"reset": "zero", "reset_delay": True}, [13, 4, 17], [13, 4, 17]),
        ],
    )
    def test_kinds(self, fields, integrated, membrane):
        traces = run(Neuron(threshold=10, **fields), [13, 4, 13])
        assert traces["integrated"] == integrated
        assert traces["membrane"] == membrane
        assert traces["spike"] == [int(value >= 10) for value in integrated]

    def test_delayed_is_pending_for_one_step(self):
        traces = run(Neuron(threshold=10, reset_delay=True), [13, 4, 13, 0])
        assert traces["pending"] == [1, 0, 1, 1]
        assert traces["membrane"] == [13, 7, 20, 10]

    def test_delayed_comes_after_the_leak(self):
        halving = Leak(kind="shift", bits=1)
        assert run(Neuron(threshold=10, leak=halving), [16, 0])["integrated"] == [16, 3]
        assert run(Neuron(threshold=10, leak=halving, reset_delay=True), [16, 0])["integrated"] == [16, -2]


class TestSaturation:
    def test_at_both_ends(self):
        traces = run(Neuron(threshold=20, membrane=Range(lo=-8, hi=20)), [-9, 27, 5, 100])
        assert traces["integrated"] == [-8, 19, 20, 20]
        assert traces["spike"] == [0, 0, 1, 1]
        assert traces["membrane"] == [-8, 19, 0, 0]

    def test_happens_once_after_everything_was_added(self):
        # 20-30+30; then 20-30-20+41, where -30 and -10 lie below the range.
        leaky = Leak(kind="subtract", amount=30)
        neuron = Neuron(threshold=20, reset_delay=True, membrane=Range(lo=-8, hi=20), leak=leaky, initial=20)
        assert run(neuron, [30, 41])["integrated"] == [20, 11]

    def test_absent_keeps_everything(self):
        assert run(Neuron.integrator(), [2**40, -(2**41)])["membrane"] == [2**40, -(2**40)]

    def test_of_a_membrane_wider_than_the_numbers_changes_nothing(self):
        neuron = Neuron(threshold=5, reset="none", membrane=Range(lo=-(2**60), hi=7))
        assert run(neuron, [4, 4, -300])["integrated"] == [4, 7, -293]


class TestLeak:
    @pytest.mark.parametrize(
        ("fields", "membrane", "leaked"),
        [
            ({"kind": "none"}, -5, -5),
            ({"kind": "subtract", "amount": 3}, 2, -1),
            ({"kind": "subtract", "amount": 3}, -2, -5),
            ({"kind": "shift", "bits": 1}, 5, 3),
            ({"kind": "shift", "bits": 1}, -5, -2),
            ({"kind": "shift", "bits": 1}, -1, 0),
            ({"kind": "shift", "bits": 1, "rounding": "toward_zero"}, -5, -3),
            ({"kind": "shift", "bits": 1, "rounding": "toward_zero"}, -1, -1),
            ({"kind": "multiply", "bits": 1, "amount": 1}, 5, 2),
            ({"kind": "multiply", "bits": 2, "amount": 3}, 5, 3),
            ({"kind": "multiply", "bits": 2, "amount": 3}, -5, -4),
            ({"kind": "multiply", "bits": 2, "amount": 3}, -1, -1),
            ({"kind": "multiply", "bits": 2, "amount": 3, "rounding": "toward_zero"}, -5, -3),
            ({"kind": "multiply", "bits": 2, "amount": 3, "rounding": "toward_zero"}, -1, 0),
            ({"kind": "multiply", "bits": 2, "amount": 4}, -5, -5),
            ({"kind": "multiply", "bits": 2, "amount": 0}, -5, 0),
        ],
    )
    def test_by_hand(self, fields, membrane, leaked):
        neuron = Neuron.integrator(leak=Leak(**fields), initial=membrane)
        assert run(neuron, [0])["membrane"] == [leaked]

    def test_fixed_point_below_zero_differs_by_rounding(self):
        floor, toward_zero = (Leak(kind="shift", bits=4, rounding=how) for how in ("floor", "toward_zero"))
        assert run(Neuron.integrator(leak=floor, initial=-20), [0] * 60)["membrane"][-1] == 0
        assert run(Neuron.integrator(leak=toward_zero, initial=-20), [0] * 60)["membrane"][-1] == -15

    @pytest.mark.parametrize("membrane", [2**31 - 1, 2**16, -(2**20), -(2**31)])
    def test_products_beyond_32_bits(self, membrane):
        almost = Leak(kind="multiply", bits=16, amount=65535)
        traces = run(Neuron.integrator(leak=almost, initial=membrane), [0, 0, 0])
        expected = []
        for _ in range(3):
            membrane = membrane * 65535 // 65536
            expected.append(membrane)
        assert traces["membrane"] == expected

    def test_amount_of_each_neuron_is_its_own(self):
        membrane = np.array([[64, 64, 64]])
        scaled = Leak(kind="multiply", bits=4, amount=PER_NEURON)
        assert leak(scaled, np.array([0, 8, 16]), membrane).tolist() == [[0, 32, 64]]


class TestRefractory:
    def test_intervals_are_refractory_plus_1(self):
        traces = run(Neuron(threshold=5, refractory=2), [100] * 9)
        assert traces["spike"] == [1, 0, 0, 1, 0, 0, 1, 0, 0]
        assert traces["refractory"] == [2, 1, 0, 2, 1, 0, 2, 1, 0]

    @settings(max_examples=40, deadline=None)
    @given(st.integers(0, 6), st.lists(st.integers(-20, 60), min_size=2, max_size=40))
    def test_intervals_are_never_shorter(self, refractory, currents):
        spikes = run(Neuron(threshold=10, refractory=refractory), currents)["spike"]
        moments = [step for step, spike in enumerate(spikes) if spike]
        assert all(later - earlier > refractory for earlier, later in pairwise(moments))

    def test_neither_leak_nor_input_meanwhile(self):
        neuron = Neuron(threshold=10, refractory=2, leak=Leak(kind="shift", bits=1))
        traces = run(neuron, [26, 50, -50, 1])
        assert traces["membrane"] == [16, 16, 16, 9]
        assert traces["integrated"] == [26, 16, 16, 9]

    def test_a_delayed_reset_waits_for_the_first_step_that_integrates(self):
        traces = run(Neuron(threshold=10, refractory=2, reset_delay=True), [13, 50, 50, 1, 1])
        assert traces["pending"] == [1, 1, 1, 0, 0]
        assert traces["membrane"] == [13, 13, 13, 4, 5]


class TestResidue:
    RESIDUE = Neuron(threshold=10, spike=Spike(kind="residue", bits=4))

    def test_is_what_exceeds_the_reset_amount(self):
        traces = run(self.RESIDUE, [14, 0, 8])
        assert traces["value"] == [4, 0, 2]
        assert traces["membrane"] == [4, 4, 2]

    def test_of_zero_resets_and_counts_but_is_no_event(self):
        traces = run(self.RESIDUE.model_copy(update={"refractory": 1}), [10])
        assert (traces["value"], traces["spike"], traces["membrane"], traces["refractory"]) == ([0], [1], [0], [1])

    def test_saturates_to_its_bits(self):
        traces = run(self.RESIDUE, [25, 1])
        assert traces["value"] == [15, 6]
        assert run(self.RESIDUE, [26])["value"] == [15]

    def test_is_offset_by_the_reset_amount_not_by_the_threshold(self):
        neuron = Neuron(threshold=10, reset_amount=7, reset="zero", spike=Spike(kind="residue", bits=4))
        assert run(neuron, [10, 9])["value"] == [3, 0]


class TestBurst:
    BURST = Neuron(threshold=10, reset_amount=4, spike=Spike(kind="count", bound=3))

    @pytest.mark.parametrize(
        ("current", "count", "membrane"),
        [(9, 0, 9), (10, 1, 6), (13, 1, 9), (14, 2, 6), (17, 2, 9), (18, 3, 6), (200, 3, 188)],
    )
    def test_counts_reset_amounts_above_the_threshold(self, current, count, membrane):
        traces = run(self.BURST, [current])
        assert traces["spike"] == traces["value"] == [count]
        assert traces["membrane"] == [membrane]

    def test_delayed_removes_as_many_as_it_sent(self):
        traces = run(self.BURST.model_copy(update={"reset_delay": True}), [15, 0])
        assert traces["pending"] == [2, 0]
        assert traces["membrane"] == [15, 7]

    def test_of_amount_zero_is_always_full(self):
        free = Neuron(threshold=10, reset_amount=0, spike=Spike(kind="count", bound=3))
        assert run(free, [9, 1, 0])["spike"] == [0, 3, 3]


def test_a_step_leaves_the_state_that_it_was_given():
    neuron = Neuron(threshold=10, refractory=1, reset_delay=True)
    bank = bank_of(neuron, [[20]], {})
    state = bank.initial_state(1)
    bank.step(state, np.array([[20]]))
    assert {name: values.tolist() for name, values in state.items()} == {
        "membrane": [[0]],
        "pending": [[0]],
        "refractory": [[0]],
    }


class TestSnnTorchLeaky:
    """U[t] = beta*U[t-1] + I - R*thr, or beta*(1-R)*U[t-1] + I; R = U[t-1] > thr, S = U > thr. Here thr 16, beta 1/2.

    ``>`` is imported as ``>=`` of one more; the reset amount stays.
    """

    LEAKY = Neuron(threshold=17, reset_amount=16, leak=Leak(kind="multiply", bits=1, amount=1), reset_delay=True)

    def test_subtract(self):
        # 12; 6+12; 9+13-16; 3+13 = thr, silent; 8+12; 10+26-16; 10+0-16; -3+4
        traces = run(self.LEAKY, [12, 12, 13, 13, 12, 26, 0, 4])
        assert traces["membrane"] == [12, 18, 6, 16, 20, 20, -6, 1]
        assert traces["spike"] == [0, 1, 0, 0, 1, 1, 0, 0]

    def test_zero_keeps_the_input(self):
        # 12; 6+12; 0+14; 7+10; 0+16 = thr, silent; 8+9; 0+0
        traces = run(self.LEAKY.model_copy(update={"reset": "zero"}), [12, 12, 14, 10, 16, 9, 0])
        assert traces["membrane"] == [12, 18, 14, 17, 16, 17, 0]
        assert traces["spike"] == [0, 1, 0, 1, 0, 1, 0]

    def test_subtract_without_delay_removes_less(self):
        # 12; 18-16 = 2; 1+13; 7+13-16 = 4; 2+12
        traces = run(self.LEAKY.model_copy(update={"reset_delay": False}), [12, 12, 13, 13, 12])
        assert traces["membrane"] == [12, 2, 14, 4, 14]
        assert traces["spike"] == [0, 1, 0, 1, 0]

    @settings(max_examples=60, deadline=None)
    @given(st.sampled_from(["subtract", "zero", "none"]), st.lists(st.integers(-40, 40), min_size=1, max_size=8))
    def test_equations_in_floats(self, reset, inputs):
        # Scaled by 2**8: eight halvings stay integers.
        scale, potential, spikes, potentials = 256, 0.0, [], []
        for current in inputs:
            fired = potential > 16
            base = 0.5 * potential * (1 - fired) if reset == "zero" else 0.5 * potential
            potential = base + current - (16 * fired if reset == "subtract" else 0)
            potentials.append(potential * scale)
            spikes.append(int(potential > 16))
        scaled = self.LEAKY.model_copy(
            update={
                "threshold": 16 * scale + 1,
                "reset_amount": 16 * scale,
                "reset": reset,
                "reset_delay": reset != "none",
            }
        )
        traces = run(scaled, [current * scale for current in inputs])
        assert traces["membrane"] == potentials
        assert traces["spike"] == spikes
