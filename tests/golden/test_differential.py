"""The synapse array's modes by hand, in any order against single integers, and what each kind of cell cannot do."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from golden.differential import DifferentialArray
from snnhw.srbm.machine import Synapse

TOP = 4095
UPDATES = ["set", "gradual", "abrupt"]


def single(cell: str = "3T1R", **fields: Any) -> Synapse:
    """Cells of one device."""
    return Synapse(cell=cell, refresh_rows=0, **{"update": "gradual", **fields})


def pair(gp: int, gm: int, **fields: Any) -> DifferentialArray:
    """An array of one synapse of two devices."""
    return DifferentialArray(Synapse(**fields), np.array([[gp]]), np.array([[gm]]))


def levels(array: DifferentialArray) -> tuple[int, int]:
    """What an array of one synapse holds."""
    return int(array.gp[0, 0]), int(array.gm[0, 0])


@pytest.fixture
def array() -> DifferentialArray:
    """Weights [[1, -2, 3], [10, 20, -30]]."""
    return DifferentialArray(Synapse(), np.array([[1, 0, 7], [10, 25, 0]]), np.array([[0, 2, 4], [0, 5, 30]]))


class TestReading:
    def test_lif_adds_the_rows_that_fire(self, array):
        assert array.lif([0]).tolist() == [1, -2, 3]
        assert array.lif([0, 1]).tolist() == [11, 18, -27]
        assert array.lif(np.array([False, True])).tolist() == [10, 20, -30]

    def test_blif_adds_the_columns_that_fire(self, array):
        assert array.blif([2]).tolist() == [3, -30]
        assert array.blif([0, 1]).tolist() == [-1, 30]
        assert array.blif(np.array([True, True, True])).tolist() == [2, 0]

    def test_nothing_fires(self, array):
        assert array.lif([]).tolist() == [0, 0, 0]
        assert array.blif(np.zeros(3, bool)).tolist() == [0, 0]

    def test_one_device_is_read_against_its_reference(self):
        array = DifferentialArray(single(bits=4, refresh_level=15), np.array([[0, 8], [15, 9]]))
        assert array.weight.tolist() == [[-8, 0], [7, 1]]
        assert array.lif([0, 1]).tolist() == [-1, 1]
        assert array.blif([0, 1]).tolist() == [-8, 8]

    def test_currents_at_both_ends_of_the_levels(self):
        full, empty = np.full((50, 2), TOP), np.zeros((50, 2), int)
        assert DifferentialArray(Synapse(), full, empty).lif(np.ones(50, bool)).tolist() == [50 * TOP] * 2
        assert DifferentialArray(Synapse(), empty, full).lif(np.ones(50, bool)).tolist() == [-50 * TOP] * 2


class TestUpdate:
    @pytest.mark.parametrize(
        ("update", "up", "down"),
        [("set", (104, 50), (100, 54)), ("gradual", (104, 46), (96, 54)), ("abrupt", (104, 0), (0, 54))],
    )
    def test_of_a_pair(self, update, up, down):
        array = pair(100, 50, update=update)
        array.stdp(0, [0], 1, 4)
        assert levels(array) == up
        array = pair(100, 50, update=update)
        array.stdp(0, [0], -1, 4)
        assert levels(array) == down

    @pytest.mark.parametrize(("update", "down"), [("gradual", 96), ("abrupt", 0)])
    def test_of_one_device(self, update, down):
        for gate, expected in ((1, 104), (-1, down)):
            array = DifferentialArray(single(update=update), np.array([[100]]))
            array.stdp(0, [0], gate, 4)
            assert levels(array) == (expected, 2048)

    def test_touches_the_open_rows_of_its_column_alone(self):
        array = DifferentialArray(Synapse(), np.zeros((3, 2), int), np.zeros((3, 2), int))
        array.stdp(1, np.array([True, False, True]), 1, 5)
        array.stdp(1, [1], -1, 6)
        assert array.gp.tolist() == [[0, 5], [0, 0], [0, 5]]
        assert array.gm.tolist() == [[0, 0], [0, 6], [0, 0]]

    @pytest.mark.parametrize("update", UPDATES)
    def test_saturates_at_the_top(self, update):
        array = pair(TOP - 3, TOP - 4, update=update)
        array.stdp(0, [0], 1, 4)
        assert array.gp[0, 0] == TOP
        array.stdp(0, [0], -1, 4)
        assert array.gm[0, 0] == {"set": TOP, "gradual": TOP - 4, "abrupt": 4}[update]

    def test_saturates_at_0(self):
        array = pair(3, 3, update="gradual")
        array.stdp(0, [0], 1, 4)
        assert levels(array) == (7, 0)
        array = DifferentialArray(single(), np.array([[3]]))
        array.stdp(0, [0], -1, 4)
        assert levels(array) == (0, 2048)

    @pytest.mark.parametrize("update", UPDATES)
    def test_of_as_many_levels_as_there_are(self, update):
        array = pair(1, 1, update=update)
        array.stdp(0, [0], 1, TOP)
        assert levels(array) == (TOP, 1 if update == "set" else 0)


class TestRefresh:
    @pytest.mark.parametrize(
        ("before", "after"),
        [
            ((3071, 3071), (3071, 3071)),
            ((3072, 3000), (72, 0)),
            ((3000, 3072), (0, 72)),
            ((3072, 0), (3072, 0)),
            ((4095, 4095), (0, 0)),
        ],
    )
    def test_where_a_device_has_reached_the_level(self, before, after):
        array = pair(*before)
        array.refresh(0)
        assert levels(array) == after

    @pytest.mark.parametrize(
        ("before", "after"),
        [
            ((9, 0), (7, 0)),
            ((0, 9), (0, 7)),
            ((0, 1), (0, 1)),  # -1 >> 2 is -1: a shift of the signed weight would take it to 0
            ((0, 5), (0, 4)),
            ((5, 0), (4, 0)),
            ((103, 100), (3, 0)),
            ((100, 103), (0, 3)),
            ((4095, 1), (3071, 0)),
        ],
    )
    def test_decay_goes_toward_0_from_either_side(self, before, after):
        array = pair(*before, decay_shift=2)
        array.refresh(0)
        assert levels(array) == after

    def test_keeps_to_its_row_and_keeps_every_weight(self):
        gp, gm = np.full((2, 2), 4000), np.array([[3999, 0], [4001, 4000]])
        array = DifferentialArray(Synapse(), gp, gm)
        array.refresh(0)
        assert array.gp.tolist() == [[1, 4000], [4000, 4000]]
        assert array.gm.tolist() == [[0, 0], [4001, 4000]]

    def test_one_device_has_nothing_to_refresh(self):
        with pytest.raises(ValueError, match="3T1R synapse has nothing to refresh"):
            DifferentialArray(single(), np.array([[5]])).refresh(0)


class TestBalance:
    """As many updates up as down should leave a weight where it was. Start at 0, 100 of each by 4 levels, in turns."""

    @staticmethod
    def after_pairs(array: DifferentialArray, pairs: int = 100, refresh: bool = False) -> int:
        start = int(array.weight[0, 0])
        for _ in range(pairs):
            array.stdp(0, [0], 1, 4)
            array.stdp(0, [0], -1, 4)
            if refresh:
                array.refresh(0)
        return int(array.weight[0, 0]) - start

    def test_abrupt_reset_of_one_device_destroys_balanced_pairs_and_a_pair_that_is_only_set_returns(self):
        alone = DifferentialArray(single(update="abrupt"), np.array([[2048]]))
        assert self.after_pairs(alone) == -2048
        assert self.after_pairs(pair(0, 0, update="set")) == 0
        assert self.after_pairs(pair(700, 200, update="set")) == 0

    def test_gradual_reset_would_need_no_pair(self):
        assert self.after_pairs(DifferentialArray(single(update="gradual"), np.array([[2048]]))) == 0

    def test_abrupt_reset_destroys_the_weight_of_a_pair_too(self):
        assert self.after_pairs(pair(700, 200, update="abrupt")) == -4 - 500

    def test_a_pair_that_is_only_set_needs_its_refresh(self):
        """2,000 times 4 levels go past the top: without refresh both devices end there, and the weight is lost."""
        assert self.after_pairs(pair(500, 0, update="set"), 2000, refresh=True) == 0
        assert self.after_pairs(pair(500, 0, update="set"), 2000) == -500


class TestCells:
    def test_2t1r_has_no_blif(self):
        array = DifferentialArray(single("2T1R"), np.array([[2050, 2048]]))
        assert array.lif([0]).tolist() == [2, 0]
        array.stdp(0, [0], 1, 1)
        assert array.lif([0]).tolist() == [3, 0]
        with pytest.raises(ValueError, match="2T1R array has no BLIF"):
            array.blif([0])

    def test_gm_is_missing(self):
        with pytest.raises(ValueError, match="two devices: gm is missing"):
            DifferentialArray(Synapse(), np.array([[1]]))

    def test_one_device_has_its_reference_for_gm(self):
        array = DifferentialArray(single(), np.array([[1]]), np.array([[2048]]))
        assert array.read()[1].tolist() == [[2048]]
        with pytest.raises(ValueError, match="one device: gm must be 2048"):
            DifferentialArray(single(), np.array([[1]]), np.array([[0]]))


class TestLoading:
    def test_what_was_read_can_be_loaded(self, array):
        gp, gm = array.read()
        array.stdp(0, [0, 1], 1, 9)
        array.load(gp, gm)
        assert array.lif([0]).tolist() == [1, -2, 3]

    def test_copies(self, array):
        gp, gm = array.read()
        array.stdp(0, [0], 1, 9)
        assert gp[0, 0] == 1
        array.load(gp, gm)
        array.stdp(0, [0], 1, 9)
        assert gp[0, 0] == 1

    @pytest.mark.parametrize(
        ("gp", "message"),
        [
            ([[0, 0, 0]], r"gp must be integers \[2, 3\], not int64 \[1, 3\]"),
            ([[0, 0, 0.5], [0, 0, 0]], r"gp must be integers \[2, 3\], not float64"),
            ([[0, 0, 4096], [0, 0, 0]], r"gp must lie in 0..4095, not 0..4096"),
            ([[0, 0, -1], [0, 0, 0]], r"gp must lie in 0..4095, not -1..0"),
        ],
    )
    def test_refuses(self, array, gp, message):
        with pytest.raises(ValueError, match=message):
            array.load(np.array(gp), np.zeros((2, 3), int))

    def test_gm_is_checked_as_well(self, array):
        with pytest.raises(ValueError, match=r"gm must lie in 0..4095, not 0..9999"):
            array.load(np.zeros((2, 3), int), np.array([[0, 0, 0], [0, 9999, 0]]))


ROWS, COLUMNS = 3, 4
MODES = st.one_of(
    st.tuples(st.just("lif"), st.sets(st.integers(0, ROWS - 1))),
    st.tuples(st.just("blif"), st.sets(st.integers(0, COLUMNS - 1))),
    st.tuples(
        st.just("stdp"),
        st.integers(0, COLUMNS - 1),
        st.sets(st.integers(0, ROWS - 1)),
        st.sampled_from([1, -1]),
        st.integers(0, 15),
    ),
    st.tuples(st.just("refresh"), st.integers(0, ROWS - 1)),
)


@pytest.mark.parametrize("cell", ["6T2R", "3T1R"])
@pytest.mark.parametrize("update", UPDATES)
@settings(max_examples=40, deadline=None)
@given(st.lists(MODES, max_size=40), st.integers(0, 3))
def test_modes_may_follow_one_another_in_any_order(cell, update, modes, decay_shift):
    """Against single integers: what is read changes nothing, what is written is read at once."""
    paired = cell == "6T2R"
    if not paired and update == "set":
        return
    refresh = {"refresh_rows": 1, "decay_shift": decay_shift} if paired else {"refresh_rows": 0}
    synapse = Synapse(cell=cell, bits=4, update=update, refresh_level=12, **refresh)
    start = 0 if paired else 8
    gp = {(v, h): start for v in range(ROWS) for h in range(COLUMNS)}
    gm = dict(gp)
    array = DifferentialArray(
        synapse, np.full((ROWS, COLUMNS), start), np.full((ROWS, COLUMNS), start) if paired else None
    )
    for mode, *arguments in modes:
        if mode == "lif":
            expected = [sum(gp[v, h] - gm[v, h] for v in arguments[0]) for h in range(COLUMNS)]
            assert array.lif(sorted(arguments[0])).tolist() == expected
        elif mode == "blif":
            expected = [sum(gp[v, h] - gm[v, h] for h in arguments[0]) for v in range(ROWS)]
            assert array.blif(sorted(arguments[0])).tolist() == expected
        elif mode == "stdp":
            column, open_rows, gate, step = arguments
            array.stdp(column, sorted(open_rows), gate, step)
            for v in open_rows:
                change(synapse, gp, gm, (v, column), gate, step)
        elif paired:
            array.refresh(arguments[0])
            for h in range(COLUMNS):
                place = arguments[0], h
                weight = gp[place] - gm[place]
                if decay_shift or max(gp[place], gm[place]) >= 12:
                    kept = abs(weight) - (abs(weight) // 2**decay_shift if decay_shift else 0)
                    gp[place], gm[place] = (kept, 0) if weight > 0 else (0, kept)
    assert array.gp.tolist() == [[gp[v, h] for h in range(COLUMNS)] for v in range(ROWS)]
    assert array.gm.tolist() == [[gm[v, h] for h in range(COLUMNS)] for v in range(ROWS)]


def change(synapse: Synapse, gp: dict[Any, int], gm: dict[Any, int], place: Any, gate: int, step: int) -> None:
    """An update of one synapse."""
    after_reset = {"set": lambda g: g, "gradual": lambda g: max(g - step, 0), "abrupt": lambda g: 0}[synapse.update]
    if not synapse.paired:
        gp[place] = min(gp[place] + step, 15) if gate > 0 else after_reset(gp[place])
        return
    rises, falls = (gp, gm) if gate > 0 else (gm, gp)
    rises[place], falls[place] = min(rises[place] + step, 15), after_reset(falls[place])
