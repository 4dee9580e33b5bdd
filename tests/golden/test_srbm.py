"""The spiking RBM: tiny machines by hand, coincidences counted anew, and every number against the oracle."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from golden.lfsr import lfsr_advance
from golden.srbm import Srbm, Tick
from snnhw.srbm.machine import (
    Machine,
    Neuron,
    Periods,
    Phases,
    RandomSampling,
    RandomWalk,
    Synapse,
    Window,
)
from tests.srbm_oracle import Oracle

Array = NDArray[Any]
SILENT = RandomWalk(step=0)


def tiny(**fields: Any) -> Machine:
    """A pixel, a label and a hidden unit without noise, for twenty ticks; the pixel fires at 0, 4, 8 and so on."""
    given = {"threshold": 1000, **fields.pop("neuron", {})}
    return Machine(
        **{
            "pixels": 1,
            "classes": 1,
            "labels_per_class": 1,
            "biases": 0,
            "hidden": 1,
            "noise": SILENT,
            "neuron": Neuron(**given),
            "periods": Periods(pixel=4, label=4, bias=28),
            "synapse": Synapse(refresh_rows=0),
            "inference_ticks": 20,
            "seed": 1,  # of which the first phase is (0x0b * period) >> 8
            **fields,
        }
    )


def srbm_of(machine: Machine, weight: Any) -> Srbm:
    """A machine with these weights, each in one device of its pair."""
    weight = np.array(weight)
    return Srbm(machine, np.maximum(weight, 0), np.maximum(-weight, 0))


def inferred(machine: Machine, weight: Any, bits: list[int]) -> list[Tick]:
    """The ticks of an inference."""
    ticks: list[Tick] = []
    srbm_of(machine, weight).infer(np.array(bits), trace=ticks.append)
    return ticks


def fired(ticks: list[Tick], side: str, unit: int) -> list[int]:
    """When a row or column fired."""
    return [t for t, tick in enumerate(ticks) if getattr(tick, side)[unit]]


def hidden_membrane(ticks: list[Tick]) -> list[int]:
    return [int(tick.hidden[0]) for tick in ticks]


class TestUnitsByHand:
    def test_a_pixel_charges_a_hidden_unit_that_leaks(self):
        ticks = inferred(tiny(neuron={"threshold": 4097}), [[1000], [0]], [1])
        assert fired(ticks, "rows", 0) == [0, 4, 8, 12, 16]
        assert hidden_membrane(ticks)[:10] == [0, 1000, 875, 766, 671, 1588, 1390, 1217, 1065, 1932]

    def test_below_0_the_leak_rounds_down(self):
        ticks = inferred(tiny(), [[-1000], [0]], [1])
        # -875 >> 3 is -110 and -765 >> 3 is -96: arithmetic shifts go down.
        assert hidden_membrane(ticks)[:6] == [0, -1000, -875, -765, -669, -1585]

    @pytest.mark.parametrize(("weight", "spikes"), [(999, []), (1000, [1]), (1001, [1])])
    def test_the_threshold_is_reached_by_equality(self, weight, spikes):
        ticks = inferred(tiny(inference_ticks=4), [[weight], [0]], [1])
        assert fired(ticks, "columns", 0) == spikes
        assert hidden_membrane(ticks)[1] == (0 if spikes else weight)

    def test_the_floor_is_the_least_of_the_membranes_bits(self):
        machine = tiny(pixels=20, periods=Periods(pixel=1, label=4), inference_ticks=5)
        ticks = inferred(machine, [[-4095]] * 20 + [[0]], [1] * 20)
        assert hidden_membrane(ticks) == [0, -32768, -32768, -32768, -32768]
        narrow = machine.model_copy(update={"neuron": Neuron(threshold=1000, membrane_bits=12)})
        assert hidden_membrane(inferred(narrow, [[-4095]] * 20 + [[0]], [1] * 20))[1:] == [-2048] * 4

    @pytest.mark.parametrize("refractory", [8, 11])
    def test_spikes_are_refractory_and_one_tick_apart(self, refractory):
        """The pixel drives the unit over its threshold at every tick; what comes in while it is refractory is lost."""
        machine = tiny(
            periods=Periods(pixel=1, label=4), neuron={"threshold": 1000, "refractory": refractory}, inference_ticks=40
        )
        ticks = inferred(machine, [[1000], [0]], [1])
        assert fired(ticks, "columns", 0) == list(range(1, 40, refractory + 1))
        assert hidden_membrane(ticks) == [0] * 40

    def test_a_spike_takes_a_tick_to_the_other_side_and_one_back(self):
        machine = tiny(periods=Periods(pixel=24, label=4))
        ticks = inferred(machine, [[1000], [999]], [1])
        assert fired(ticks, "rows", 0) == [1]  # (0x0b * 24) >> 8
        assert fired(ticks, "columns", 0) == [2]
        assert [int(tick.visible[1]) for tick in ticks[:5]] == [0, 0, 0, 999, 875]

    def test_spikes_of_one_tick_add_up(self):
        machine = tiny(pixels=3, periods=Periods(pixel=1, label=4), inference_ticks=2, neuron={"threshold": 4097})
        assert hidden_membrane(inferred(machine, [[10], [-3], [100], [0]], [1, 1, 0])) == [0, 7]

    def test_the_noise_moves_every_free_unit(self):
        """The draws after the two phases: pixel (clamped, lost), label and hidden unit, at each of two ticks."""
        machine = tiny(noise=RandomWalk(step=100), inference_ticks=2, neuron={"threshold": 4097})
        ticks = inferred(machine, [[0], [0]], [1])
        draws = [lfsr_advance(1, 2 * 8 + 4 * (n + 1)) & 15 for n in range(6)]
        assert draws == [0b0111, 0b1011, 0b0011, 0b0101, 0b0000, 0b1011]
        assert [tick.visible.tolist() for tick in ticks] == [[0, 200], [0, 200 - 25 - 400]]
        assert hidden_membrane(ticks) == [0, 200]


def machine_of(**fields: Any) -> Machine:
    """A small machine of every kind of unit, whose units fire now and then."""
    return Machine(
        **{
            "pixels": 12,
            "classes": 3,
            "labels_per_class": 2,
            "biases": 2,
            "hidden": 10,
            "inference_ticks": 60,
            "neuron": Neuron(threshold=1500),
            "synapse": Synapse(refresh_rows=0),
            **fields,
        }
    )


def weights_of(machine: Machine, seed: int, sigma: float = 400) -> tuple[Array, Array]:
    """Random levels without saturation, 0 between biases."""
    rng = np.random.default_rng(seed)
    weight = np.rint(rng.normal(0, sigma, (machine.rows, machine.columns))).astype(np.int64)
    weight[machine.visible :, machine.hidden :] = 0
    if not machine.synapse.paired:
        return weight + machine.synapse.reference, np.full_like(weight, machine.synapse.reference)
    base = rng.integers(0, 100, weight.shape)
    return base + np.maximum(weight, 0), base + np.maximum(-weight, 0)


def image_of(machine: Machine, seed: int) -> Array:
    return np.random.default_rng(seed).integers(0, 2, machine.pixels)


def trained(
    machine: Machine, seed: int = 0, label: int = 1, step: int = 3, hold: bool = False
) -> tuple[Srbm, list[Tick]]:
    """A machine after one image, and the image's ticks."""
    srbm = Srbm(machine, *weights_of(machine, seed))
    ticks: list[Tick] = []
    srbm.train(image_of(machine, seed), label, step, hold, trace=ticks.append)
    return srbm, ticks


class TestAnImage:
    def test_takes_the_ticks_of_its_phases(self):
        assert len(trained(machine_of())[1]) == 200
        assert len(trained(machine_of(phases=Phases(settle=3, data=5, transition=1, model=2)))[1]) == 11

    def test_clamped_units_fire_by_period_and_phase_where_they_are_on(self):
        machine = machine_of()
        _, ticks = trained(machine, label=1)
        on = [*image_of(machine, 0).tolist(), 0, 0, 1, 1, 0, 0]
        for unit in range(machine.visible):
            period = 9 if unit < 12 else 11
            phase = ((lfsr_advance(machine.seed, 8 * (unit + 1)) & 255) * period) >> 8
            assert fired(ticks[:100], "rows", unit) == (list(range(phase, 100, period)) if on[unit] else [])

    def test_clamped_membranes_stay_0_and_are_free_at_tick_100(self):
        _, ticks = trained(machine_of())
        assert not any(tick.visible.any() for tick in ticks[:100])
        assert ticks[100].visible.any()

    def test_held_pixels_stay_clamped_and_labels_alone_run_free(self):
        machine = machine_of()
        _, free = trained(machine)
        _, held = trained(machine, hold=True)
        assert_same_ticks(free[:100], held[:100])
        for unit in range(12):
            phase = ((lfsr_advance(machine.seed, 8 * (unit + 1)) & 255) * 9) >> 8
            assert fired(held, "rows", unit) == (list(range(phase, 200, 9)) if image_of(machine, 0)[unit] else [])
        assert not any(tick.visible[:12].any() for tick in held)
        assert held[100].visible[12:].any() and any(fired(held[100:], "rows", 12 + unit) for unit in (0, 1, 4, 5))

    def test_biases_fire_by_their_phases_all_along(self):
        """Phases of rows are drawn first, then those of the hidden biases."""
        machine = machine_of()
        _, ticks = trained(machine)
        for order, (side, unit) in enumerate([("rows", 18), ("rows", 19), ("columns", 10), ("columns", 11)], start=18):
            phase = ((lfsr_advance(machine.seed, 8 * (order + 1)) & 255) * 28) >> 8
            assert fired(ticks, side, unit) == list(range(phase, 200, 28))

    def test_every_unit_draws_at_every_tick(self):
        """Whether clamped, refractory or free; the next image goes on where this one stopped."""
        machine = machine_of()
        srbm, _ = trained(machine)
        one_image = 8 * (machine.rows + machine.biases) + 200 * 4 * (machine.visible + machine.hidden)
        assert srbm.walk == lfsr_advance(machine.seed, one_image)
        srbm.train(np.zeros(12, int), 0, 0)
        assert srbm.walk == lfsr_advance(machine.seed, 2 * one_image)

    def test_draws_of_sampling_take_a_byte_each(self):
        machine = machine_of(noise=RandomSampling())
        srbm, _ = trained(machine)
        units = machine.visible + machine.hidden
        assert srbm.walk == lfsr_advance(machine.seed, 8 * (machine.rows + machine.biases) + 200 * 8 * units)

    def test_a_step_of_no_levels_changes_nothing(self):
        srbm, _ = trained(machine_of(), step=0)
        for now, before in zip((srbm.gp, srbm.gm), weights_of(srbm.machine, 0), strict=True):
            assert np.array_equal(now, before)

    def test_starts_anew_but_for_what_lasts(self):
        """The second image of one machine is the first of another that takes over levels, register and pointer."""
        machine = machine_of(synapse=Synapse(refresh_rows=3, refresh_level=300))
        first, _ = trained(machine)
        second = Srbm(machine, first.gp, first.gm, walk=first.walk, refresh=first.refresh)
        ticks: tuple[list[Tick], list[Tick]] = ([], [])
        for srbm, recorded in zip((first, second), ticks, strict=True):
            srbm.train(image_of(machine, 5), 2, 4, trace=recorded.append)
        assert_same_ticks(*ticks)
        assert np.array_equal(first.gp, second.gp) and np.array_equal(first.gm, second.gm)
        assert (first.walk, first.refresh) == (second.walk, second.refresh)


def assert_same_ticks(left: list[Tick], right: list[Tick]) -> None:
    assert len(left) == len(right)
    for a, b in zip(left, right, strict=True):
        assert all(np.array_equal(x, y) for x, y in zip(vars(a).values(), vars(b).values(), strict=True))


def coincidences(machine: Machine, ticks: list[Tick], begin: int, end: int, before: int, after: int) -> Array:
    """For each synapse, the spikes of its column that have one of its row at most so many ticks before or after.

    Those whose pulse, ``window.hidden`` ticks later, is sent from tick ``begin`` to before ``end``.
    """
    count = np.zeros((machine.rows, machine.columns), np.int64)
    row_spikes = [fired(ticks, "rows", v) for v in range(machine.rows)]
    for h in range(machine.columns):
        for spike in fired(ticks, "columns", h):
            if begin <= spike + machine.window.hidden < end:
                for v, spikes in enumerate(row_spikes):
                    count[v, h] += any(-before <= tick - spike <= after for tick in spikes)
    count[machine.visible :, machine.hidden :] = 0
    return count


class TestContrastiveDivergence:
    """dw = v_data h_data - v_model h_model, times the step, as the recorded spikes have it."""

    @pytest.mark.parametrize("hold", [False, True])
    @pytest.mark.parametrize("seed", [0, 1])
    @pytest.mark.parametrize(
        "synapse",
        [
            Synapse(refresh_rows=0),
            Synapse(refresh_rows=0, bits=14, update="gradual"),
            Synapse(cell="3T1R", update="gradual", refresh_rows=0),
        ],
        ids=lambda synapse: f"{synapse.cell}-{synapse.update}",
    )
    def test_the_weights_change_by_the_coincidences(self, synapse, seed, hold):
        machine = machine_of(synapse=synapse)
        before, was = weights_of(machine, seed)
        if synapse.paired and synapse.update == "gradual":
            before, was = before + 5000, was + 5000
        srbm = Srbm(machine, before, was)
        ticks: list[Tick] = []
        srbm.train(image_of(machine, seed), 1, 3, hold, trace=ticks.append)
        data = coincidences(machine, ticks, 20, 100, before=3, after=4)
        model = coincidences(machine, ticks, 120, 200, before=3, after=4)
        assert data.sum() > 50 and model.sum() > 50
        both_devices = 2 if synapse.paired and synapse.update == "gradual" else 1
        assert np.array_equal((srbm.gp - srbm.gm) - (before - was), 3 * both_devices * (data - model))
        if synapse.update == "set":
            assert np.array_equal(srbm.gp - before, 3 * data)
            assert np.array_equal(srbm.gm - was, 3 * model)

    @pytest.mark.parametrize(("before", "after"), [(2, 4), (4, 4), (3, 3), (3, 5)])
    def test_no_other_window_would_do(self, before, after):
        machine = machine_of()
        srbm, ticks = trained(machine)
        change = srbm.gp - weights_of(machine, 0)[0]
        assert not np.array_equal(change, 3 * coincidences(machine, ticks, 20, 100, before, after))

    @pytest.mark.parametrize(("begin", "end"), [(19, 100), (21, 100), (20, 99), (20, 101)])
    def test_no_other_data_phase_would_do(self, begin, end):
        """Of a machine whose hidden units fire all the time, so that a tick more or less is seen."""
        machine = machine_of(neuron=Neuron(threshold=300), hidden=60)
        srbm, ticks = trained(machine, step=1)
        change = srbm.gp - weights_of(machine, 0)[0]
        assert np.array_equal(change, coincidences(machine, ticks, 20, 100, 3, 4))
        assert not np.array_equal(change, coincidences(machine, ticks, begin, end, 3, 4))

    def test_never_bias_to_bias(self):
        machine = machine_of()
        srbm, _ = trained(machine)
        weight = srbm.gp - srbm.gm
        assert not weight[18:, 10:].any()
        start, was = weights_of(machine, 0)
        changed = weight != start - was
        assert changed[18:, :10].any() and changed[:18, 10:].any()

    def test_levels_saturate_at_the_top(self):
        machine = machine_of()
        gp, gm = weights_of(machine, 0)
        full = Srbm(machine, np.full_like(gp, 4095), np.full_like(gm, 4095))
        full.train(image_of(machine, 0), 1, 4095)
        assert (full.gp == 4095).all() and (full.gm == 4095).all()


class TestRefresh:
    def test_goes_round_the_rows(self):
        machine = machine_of(
            synapse=Synapse(refresh_rows=8, refresh_level=100),
            phases=Phases(settle=1, data=1, transition=1, model=1),
        )
        full = np.full((machine.rows, machine.columns), 100)
        srbm, refreshed = Srbm(machine, full, full), []
        for _ in range(4):
            srbm.train(np.zeros(12, int), 0, 0)
            refreshed.append((np.flatnonzero(~srbm.gp.any(axis=1)).tolist(), srbm.refresh))
            srbm.array.load(full, full)
        assert machine.rows == 20
        assert refreshed == [
            (list(range(8)), 8),
            (list(range(8, 16)), 16),
            ([0, 1, 2, 3, 16, 17, 18, 19], 4),
            (list(range(4, 12)), 12),
        ]

    def test_inference_refreshes_nothing(self):
        machine = machine_of(synapse=Synapse(refresh_level=100))
        full = np.full((machine.rows, machine.columns), 100)
        srbm = Srbm(machine, full, full)
        srbm.infer(np.zeros(12, int))
        assert srbm.refresh == 0 and (srbm.gp == 100).all()


class TestInference:
    def test_scores_are_spikes_of_each_class_and_the_first_of_equals_wins(self):
        """Hidden unit h drives the labels of class h, and pixel h drives hidden unit h."""
        machine = tiny(pixels=3, hidden=3, classes=3, labels_per_class=2, periods=Periods(pixel=9, label=9))
        weight = np.zeros((9, 3), int)
        for h in range(3):
            weight[h, h] = weight[3 + 2 * h : 5 + 2 * h, h] = 1000
        for bits, expected in (([0, 1, 0], 1), ([0, 0, 1], 2), ([0, 1, 1], 1), ([0, 0, 0], 0)):
            chosen, scores = srbm_of(machine, weight).infer(np.array(bits))
            assert scores.tolist() == [4 * bit for bit in bits]
            assert chosen == expected

    def test_always_starts_from_the_seed_and_leaves_nothing(self):
        srbm, _ = trained(machine_of(), seed=3)
        walk, gp, gm = srbm.walk, srbm.gp.copy(), srbm.gm.copy()
        assert walk != srbm.machine.seed
        ticks: tuple[list[Tick], list[Tick]] = ([], [])
        bits = image_of(srbm.machine, 4)
        first, again = (srbm.infer(bits, trace=recorded.append) for recorded in ticks)
        assert first[0] == again[0] and first[1].tolist() == again[1].tolist()
        assert_same_ticks(*ticks)
        assert srbm.walk == walk and np.array_equal(srbm.gp, gp) and np.array_equal(srbm.gm, gm)

    def test_labels_are_free_and_pixels_clamped_all_along(self):
        machine = machine_of()
        ticks: list[Tick] = []
        Srbm(machine, *weights_of(machine, 0)).infer(image_of(machine, 0), trace=ticks.append)
        assert len(ticks) == 60
        assert not any(tick.visible[:12].any() for tick in ticks)
        assert all(tick.visible[12:].any() for tick in ticks[2:])


class TestRegeneration:
    @pytest.mark.parametrize(("ticks", "on"), [(35, 1), (36, 0), (37, 0), (45, 0), (46, 1), (53, 1), (54, 0)])
    def test_on_is_more_than_half_of_the_slots(self, ticks, on):
        """A unit that gains 100 a tick fires at 9, 27 and 45: half of the slots, which are 9 ticks long."""
        machine = tiny(
            pixels=3,
            noise=RandomSampling(step=100, up=256, down=0),
            neuron={"threshold": 1000, "leak_shift": 15},
            inference_ticks=ticks,
        )
        _, _, image = srbm_of(machine, np.zeros((4, 1), int)).regenerate(np.array([1, 0, 1]), np.array([1, 1, 0]))
        assert image.tolist() == [1, 0, on]

    def test_what_stands_in_place_of_unknown_pixels_means_nothing(self):
        machine = machine_of()
        known = np.arange(12) < 6
        images = [image_of(machine, 0), np.where(known, image_of(machine, 0), 1 - image_of(machine, 0))]
        results = [Srbm(machine, *weights_of(machine, 0)).regenerate(image, known) for image in images]
        (chosen, scores, image), (again, same_scores, same_image) = results
        assert (chosen, scores.tolist(), image.tolist()) == (again, same_scores.tolist(), same_image.tolist())

    def test_with_every_pixel_known_it_is_an_inference(self):
        machine = machine_of()
        srbm = Srbm(machine, *weights_of(machine, 0))
        bits = image_of(machine, 0)
        chosen, scores, image = srbm.regenerate(bits, np.ones(12, int))
        assert (chosen, scores.tolist()) == (srbm.infer(bits)[0], srbm.infer(bits)[1].tolist())
        assert image.tolist() == bits.tolist() and image.dtype == np.uint8


class TestRefuses:
    @pytest.mark.parametrize(
        ("bits", "label", "step", "message"),
        [
            ([0] * 11, 0, 1, "an image must be 12 bits"),
            ([0] * 11 + [2], 0, 1, "each 0 or 1"),
            ([0] * 11 + [0.5], 0, 1, "each 0 or 1"),
            ([0] * 12, 3, 1, r"label must lie in 0..2, not 3"),
            ([0] * 12, -1, 1, r"label must lie in 0..2, not -1"),
            ([0] * 12, 1.5, 1, r"label must lie in 0..2, not 1.5"),
            ([0] * 12, 0, 4096, r"step must lie in 0..4095, not 4096"),
            ([0] * 12, 0, -1, r"step must lie in 0..4095, not -1"),
        ],
    )
    def test_images(self, bits, label, step, message):
        srbm = Srbm(machine_of(), *weights_of(machine_of(), 0))
        with pytest.raises(ValueError, match=message):
            srbm.train(np.array(bits), label, step)

    def test_what_is_known_of_another_size(self):
        srbm = Srbm(machine_of(), *weights_of(machine_of(), 0))
        with pytest.raises(ValueError, match="12 bits"):
            srbm.regenerate(np.zeros(12, int), np.zeros(6, int))

    def test_weights_of_another_size(self):
        gp, gm = weights_of(machine_of(), 0)
        with pytest.raises(ValueError, match=r"gp must be \[20, 12\], not \[20, 11\]"):
            Srbm(machine_of(), gp[:, 1:], gm[:, 1:])
        with pytest.raises(ValueError, match=r"gm must be integers \[20, 12\]"):
            Srbm(machine_of(), gp, gm[1:])

    @pytest.mark.parametrize("state", [{"walk": 0}, {"walk": 1 << 32}, {"refresh": -1}, {"refresh": 20}])
    def test_a_state_that_cannot_be(self, state):
        with pytest.raises(ValueError, match=r"walk must lie in 1..4294967295 and refresh in 0..19"):
            Srbm(machine_of(), *weights_of(machine_of(), 0), **state)


@st.composite
def machines(draw: Any) -> Machine:
    """Small machines of every kind that a description allows."""
    refractory = draw(st.integers(1, 7))
    hidden = draw(st.integers(1, refractory + 1))
    cell = draw(st.sampled_from(["6T2R", "6T2R", "3T1R"]))
    bits = draw(st.integers(3, 7))
    update = draw(st.sampled_from(["set", "gradual", "abrupt"] if cell == "6T2R" else ["gradual", "abrupt"]))
    refresh_rows = draw(st.integers(0, 3)) if cell == "6T2R" else 0
    walks = st.builds(RandomWalk, step=st.integers(0, 60), draws=st.integers(1, 6))
    samplings = st.builds(RandomSampling, step=st.integers(0, 150), up=st.integers(0, 128), down=st.integers(0, 128))
    return Machine(
        pixels=draw(st.integers(2, 5)),
        classes=draw(st.integers(1, 3)),
        labels_per_class=draw(st.integers(1, 2)),
        biases=draw(st.integers(0, 2)),
        hidden=draw(st.integers(1, 5)),
        neuron=Neuron(
            threshold=draw(st.integers(1, 128)),
            leak_shift=draw(st.integers(1, 5)),
            membrane_bits=draw(st.integers(8, 11)),
            refractory=refractory,
        ),
        noise=draw(walks | samplings),
        synapse=Synapse(
            cell=cell,
            bits=bits,
            update=update,
            refresh_rows=refresh_rows,
            refresh_level=draw(st.integers(1, (1 << bits) - 1)),
            decay_shift=draw(st.integers(0, 3)) if refresh_rows else 0,
        ),
        window=Window(visible=draw(st.integers(1, refractory)), hidden=hidden),
        periods=Periods(
            pixel=draw(st.integers(1, 9)), label=draw(st.integers(1, 9)), bias=draw(st.integers(hidden + 1, 12))
        ),
        phases=Phases(
            settle=draw(st.integers(1, 6)),
            data=draw(st.integers(1, 25)),
            transition=draw(st.integers(1, 6)),
            model=draw(st.integers(1, 25)),
        ),
        inference_ticks=draw(st.integers(1, 30)),
        seed=draw(st.integers(1, (1 << 32) - 1)),
    )


def spelled(ticks: list[Tick]) -> list[Any]:
    """Ticks as the oracle has them."""
    return [tuple(part.tolist() for part in vars(tick).values()) for tick in ticks]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_every_number_is_the_oracles(data):
    machine = data.draw(machines(), label="machine")
    rng = np.random.default_rng(data.draw(st.integers(0, 1 << 16), label="seed"))
    top = machine.synapse.levels.hi
    gp, gm = rng.integers(0, top + 1, (2, machine.rows, machine.columns))
    if not machine.synapse.paired:
        gm[:] = machine.synapse.reference
    srbm, oracle = Srbm(machine, gp, gm), Oracle(machine, gp.tolist(), gm.tolist())
    for _ in range(2):
        bits, label, step = rng.integers(0, 2, machine.pixels), int(rng.integers(machine.classes)), int(rng.integers(4))
        ticks: list[Tick] = []
        hold = bool(rng.integers(2))
        srbm.train(bits, label, step, hold, trace=ticks.append)
        assert spelled(ticks) == oracle.train(bits.tolist(), label, step, hold)
        assert srbm.gp.tolist() == oracle.gp and srbm.gm.tolist() == oracle.gm
        assert (srbm.walk, srbm.refresh) == (oracle.walk, oracle.refresh)
    known = rng.integers(0, 2, machine.pixels)
    ticks = []
    chosen, scores, image = srbm.regenerate(bits, known, trace=ticks.append)
    assert (chosen, scores.tolist(), image.tolist(), spelled(ticks)) == oracle.regenerate(bits.tolist(), known.tolist())
