"""When the pulses of rows and columns overlap, and which synapses that changes."""

from __future__ import annotations

import numpy as np
import pytest

from golden.learning import Learning
from snnhw.srbm.machine import Machine, Periods, Synapse, Window

Updates = list[tuple[int, int, list[int]]]
"""Tick, column, rows."""


def machine(window: Window | None = None) -> Machine:
    """Two pixels, a label and a bias; two hidden units and a bias."""
    return Machine(
        pixels=2,
        classes=1,
        labels_per_class=1,
        biases=1,
        hidden=2,
        window=window or Window(),
        periods=Periods(pixel=64, label=64, bias=64),
        synapse=Synapse(refresh_rows=0),
    )


def updates(
    machine: Machine,
    row_spikes: dict[int, list[int]],
    column_spikes: dict[int, list[int]],
    gates: dict[int, int] | None = None,
    ticks: int = 60,
) -> Updates:
    """All updates when rows and columns fire at the given ticks; the gate is 1 where ``gates`` does not say."""
    learning, found = Learning(machine), []
    for t in range(ticks):
        rows = np.array([t in row_spikes.get(row, []) for row in range(machine.rows)])
        columns = np.array([t in column_spikes.get(column, []) for column in range(machine.columns)])
        for column, open_rows in learning.tick(rows, columns, (gates or {}).get(t, 1)):
            found.append((t, column, np.flatnonzero(open_rows).tolist()))
    return found


class TestWindow:
    @pytest.mark.parametrize("offset", range(-12, 13))
    def test_is_from_three_ticks_before_to_four_after_the_hidden_spike(self, offset):
        found = updates(machine(), {0: [20 + offset]}, {0: [20]})
        assert found == [(24, 0, [0] if -3 <= offset <= 4 else [])]

    @pytest.mark.parametrize(("visible", "hidden"), [(1, 1), (1, 5), (5, 1), (8, 9), (3, 2)])
    def test_of_other_lengths(self, visible, hidden):
        window = Window(visible=visible, hidden=hidden)
        hits = [
            offset
            for offset in range(-12, 13)
            if updates(machine(window), {0: [20 + offset]}, {0: [20]}) == [(20 + hidden, 0, [0])]
        ]
        assert hits == list(range(hidden + 1 - visible, hidden + 1))

    def test_a_row_that_fires_again_opens_anew(self):
        found = updates(machine(), {0: [10, 15]}, {0: [18]})
        assert found == [(22, 0, [0])]

    def test_two_spikes_of_a_row_within_the_window_count_once(self):
        assert updates(machine(), {0: [20, 22]}, {0: [20]}) == [(24, 0, [0])]

    def test_a_column_that_fires_when_its_pulse_is_sent_sends_another(self):
        window = Window(visible=8, hidden=9)
        found = updates(machine(window), {0: [11, 20]}, {0: [5, 14]})
        assert found == [(14, 0, [0]), (23, 0, [0])]

    def test_nothing_is_left_of_pulses_that_were_not_sent(self):
        assert updates(machine(), {0: [58]}, {0: [57]}, ticks=60) == []


class TestGate:
    def test_counts_when_the_pulses_meet_not_when_units_fire(self):
        assert updates(machine(), {0: [20]}, {0: [20]}, {24: 0}) == []
        closed = dict.fromkeys(range(24), 0)
        assert updates(machine(), {0: [20]}, {0: [20]}, closed) == [(24, 0, [0])]

    def test_is_as_well_open_for_depression(self):
        assert updates(machine(), {0: [20]}, {0: [20]}, {24: -1}) == [(24, 0, [0])]

    def test_pulses_go_on_while_it_is_closed(self):
        """The column's pulse at 24 is lost for good, and the row's is over in time."""
        assert updates(machine(), {0: [20]}, {0: [20], 1: [26]}, dict.fromkeys(range(30), 0)) == [(30, 1, [])]


class TestSynapses:
    def test_a_column_updates_all_open_rows_and_columns_come_in_order(self):
        spikes = {0: [20], 1: [21], 2: [3], 3: [22]}
        assert updates(machine(), spikes, {1: [20], 0: [20]}) == [(24, 0, [0, 1, 3]), (24, 1, [0, 1, 3])]

    def test_never_bias_to_bias(self):
        """Row 3 and column 2 are biases: each learns with the other side's units, and not with each other."""
        spikes = {row: [20] for row in range(4)}
        assert updates(machine(), spikes, {0: [20], 2: [20]}) == [(24, 0, [0, 1, 2, 3]), (24, 2, [0, 1, 2])]

    def test_without_biases_every_synapse_learns(self):
        plain = machine().model_copy(update={"biases": 0})
        spikes = {row: [20] for row in range(3)}
        assert updates(plain, spikes, {1: [20]}) == [(24, 1, [0, 1, 2])]
