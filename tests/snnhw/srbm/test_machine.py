"""The description of a spiking RBM: what it refuses and in which words, what it says of itself, and its JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from snnhw.errors import DescriptionError
from snnhw.srbm.machine import (
    Machine,
    Neuron,
    Periods,
    Phases,
    RandomSampling,
    RandomWalk,
    Synapse,
    Window,
    parse_machine,
)
from snnhw.wording import quoted

ONE_DEVICE = {"update": "gradual", "refresh_rows": 0}


class TestRefuses:
    @pytest.mark.parametrize("phase", ["settle", "data", "transition", "model"])
    def test_phases_of_no_length(self, phase):
        refused({"phases": {phase: 0}}, f"phases.{phase}: Input should be greater than or equal to 1, not 0")

    def test_a_window_wider_than_half_the_refractory_time(self):
        refused({"window": {"visible": 9}}, "a window of 9 ticks is wider than half the refractory time of 8 ticks")
        refused({"neuron": {"refractory": 7}}, "a window of 8 ticks is wider than half the refractory time of 7 ticks")
        parse_machine({"window": {"visible": 9, "hidden": 5}, "neuron": {"refractory": 9}}, "wide")

    def test_a_hidden_pulse_after_the_next_spike(self):
        refused({"window": {"hidden": 10}}, "STDP_BL 10 ticks after a spike comes after the next spike may have come")
        parse_machine({"window": {"hidden": 9}}, "late")

    def test_biases_faster_than_their_pulse(self):
        refused({"periods": {"bias": 4}}, "a bias period of 4 ticks must be longer than STDP_BL's 4")
        parse_machine({"periods": {"bias": 5}}, "fast")
        parse_machine({"periods": {"bias": 4}, "biases": 0}, "without biases")

    @pytest.mark.parametrize("kind", ["pixel", "label", "bias"])
    def test_periods_beyond_a_byte(self, kind):
        refused({"periods": {kind: 256}}, f"periods.{kind}: Input should be less than or equal to 255, not 256")
        refused({"periods": {kind: 0}}, f"periods.{kind}: Input should be greater than or equal to 1")

    @pytest.mark.parametrize(
        ("synapse", "message"),
        [
            ({"bits": 8}, "refresh_level 3072 does not fit 8 bits"),
            ({"refresh_level": 4096}, "refresh_level 4096 does not fit 12 bits"),
            ({"refresh_level": 65536, "refresh_rows": 0}, "synapse.refresh_level: Input should be less than 65536"),
            ({"refresh_level": 0}, "synapse.refresh_level: Input should be greater than or equal to 1"),
            ({"bits": 17}, "synapse.bits: Input should be less than or equal to 16, not 17"),
            ({"bits": 1}, "synapse.bits: Input should be greater than or equal to 2, not 1"),
        ],
    )
    def test_levels_that_do_not_fit(self, synapse, message):
        refused({"synapse": synapse}, message)

    def test_a_threshold_that_does_not_fit(self):
        refused({"neuron": {"threshold": 32769}}, "a threshold of 32769 does not fit 16 signed bits")
        assert parse_machine({"neuron": {"threshold": 32768}}, "high").neuron.membrane.hi == 32767

    def test_a_2t1r_array_has_no_blif(self):
        refused({"synapse": {"cell": "2T1R", **ONE_DEVICE}}, "a 2T1R array has no BLIF")
        assert not Synapse(cell="2T1R", update="gradual", refresh_rows=0).paired

    @pytest.mark.parametrize("cell", ["3T1R", "2T1R"])
    def test_one_device_with_set_alone(self, cell):
        refused({"synapse": {"cell": cell, "refresh_rows": 0}}, f"a {cell} cell has one device, which SET alone cannot")

    def test_one_device_has_nothing_to_refresh(self):
        refused({"synapse": {"cell": "3T1R", "update": "gradual"}}, "a 3T1R cell has nothing to refresh")
        decaying = {"cell": "3T1R", "update": "abrupt", "refresh_rows": 0, "decay_shift": 1}
        refused({"synapse": decaying}, "refresh_rows and decay_shift must be 0")

    def test_decay_that_never_happens(self):
        refused({"synapse": {"refresh_rows": 0, "decay_shift": 3}}, "refresh_rows must not be 0 where there is a decay")

    def test_more_rows_to_refresh_than_there_are(self):
        refused({"synapse": {"refresh_rows": 833}}, "refresh_rows 833 are more than the array's 832 rows")
        parse_machine({"synapse": {"refresh_rows": 832}}, "all")

    def test_more_chances_than_a_byte_has(self):
        refused({"noise": {"kind": "sampling", "up": 200, "down": 57}}, "up + down must be at most 256")
        refused({"noise": {"kind": "walk", "draws": 17}}, "noise.walk.draws: Input should be less than or equal to 16")
        refused({"noise": {"kind": "flight"}}, "noise: Input tag 'flight'")

    @pytest.mark.parametrize("count", ["pixels", "classes", "labels_per_class", "hidden", "inference_ticks"])
    def test_nothing_where_something_must_be(self, count):
        refused({count: 0}, f"{count}: Input should be greater than or equal to 1, not 0")

    @pytest.mark.parametrize(
        ("where", "most"),
        [
            *((count, 1 << 16) for count in ("pixels", "classes", "labels_per_class", "biases", "hidden")),
            *((f"phases.{phase}", 1 << 16) for phase in ("settle", "data", "transition", "model")),
            ("inference_ticks", 1 << 16),
            ("neuron.threshold", 1 << 23),
            ("synapse.refresh_rows", 1 << 16),
            ("window.visible", 64),
            ("window.hidden", 64),
        ],
    )
    def test_numbers_without_bounds(self, where, most):
        for value in (most + 1, 10**400):
            words = f"{where}: Input should be less than or equal to {most}, not {quoted(value)}"
            refused(nested(where, value), words)

    @pytest.mark.parametrize("kind", ["walk", "sampling"])
    def test_steps_of_noise_without_bounds(self, kind):
        for step in ((1 << 20) + 1, 1 << 70):
            words = f"noise.{kind}.step: Input should be less than or equal to 1048576, not {step}"
            refused({"noise": {"kind": kind, "step": step}}, words)
        parse_machine({"noise": {"kind": kind, "step": 1 << 20}}, "wild")

    def test_arrays_beyond_their_bounds(self):
        refused({"pixels": 65_489}, "an array has at most 65536 rows and columns, not 65537 and 508")
        refused({"hidden": 65_529}, "an array has at most 65536 rows and columns, not 832 and 65537")
        parse_machine({"pixels": 65_488, "hidden": 65_528}, "large")

    def test_sums_beyond_32_bits(self):
        levels, still = {"bits": 16, "refresh_level": 60_000}, {"kind": "walk", "step": 0}
        most = {"pixels": 32_720, "synapse": levels, "noise": still}
        assert parse_machine(most, "most").integrated.width == 32
        refused({**most, "pixels": 32_721}, "membrane, current and noise of a tick come to -2147549183 to")
        refused(
            {**most, "noise": {"kind": "walk", "step": 1}}, "more than 32 signed bits: take fewer units, or fewer bits"
        )
        refused({"hidden": 32_760, "synapse": levels}, "more than 32 signed bits")
        assert parse_machine({"hidden": 32_759, "synapse": levels}, "wide").integrated.width == 32

    @pytest.mark.parametrize("seed", [0, 1 << 32])
    def test_a_seed_that_is_no_state_of_the_register(self, seed):
        refused({"seed": seed}, f"seed: Input should be .* not {seed}")

    @pytest.mark.parametrize(
        ("value", "message"),
        [
            ({"hidden": True}, "hidden: must be an integer, not true"),
            ({"hidden": 2.5}, "hidden: Input should be a valid integer"),
            ({"neurons": 5}, "there is no key 'neurons'"),
            ({"window": {"left": 1}}, "window: there is no key 'left'"),
            ([1], "Input should be"),
        ],
    )
    def test_what_is_no_description(self, value, message):
        refused(value, message)


def nested(where: str, value: int) -> dict[str, Any]:
    """The description that has this value where `a.b` points to."""
    for name in reversed(where.split(".")):
        value = {name: value}  # type: ignore[assignment]
    return value  # type: ignore[return-value]


def refused(value: Any, message: str) -> None:
    """It is, in one line that begins with where it came from."""
    with pytest.raises(DescriptionError, match=r"^machine\.json: .*" + message.replace("+", r"\+")) as found:
        parse_machine(value, "machine.json")
    assert "\n" not in str(found.value)


class TestLimits:
    def test_none_at_or_below_the_rate_that_units_can_follow(self):
        assert Machine().limits == ()
        assert Machine(periods=Periods(pixel=9, label=9)).limits == ()

    def test_a_rate_above_the_refractory_limit_is_named(self):
        (limit,) = Machine(periods=Periods(pixel=8)).limits
        assert limit.startswith("a period of 8 ticks for each pixel is less than the 9 that a refractory unit needs")
        assert len(Machine(periods=Periods(pixel=8, label=1)).limits) == 2

    def test_a_longer_refractory_time_lowers_it(self):
        assert len(Machine(neuron=Neuron(refractory=10)).limits) == 1
        assert len(Machine(neuron=Neuron(refractory=11)).limits) == 2


class TestSaysOfItself:
    def test_sizes_of_the_full_machine(self):
        machine = Machine()
        assert (machine.labels, machine.visible, machine.rows, machine.columns) == (40, 824, 832, 508)

    def test_widths_of_the_full_machine(self):
        machine = Machine()
        assert machine.neuron.membrane.width == 16
        assert (machine.synapse.weight.lo, machine.synapse.weight.hi) == (-4095, 4095)
        assert machine.row_current.hi == 832 * 4095 and machine.row_current.width == 23
        assert machine.column_current.lo == -508 * 4095 and machine.column_current.width == 22

    def test_weights_of_one_device(self):
        synapse = Synapse(cell="3T1R", update="gradual", refresh_rows=0)
        assert (synapse.weight.lo, synapse.weight.hi, synapse.reference) == (-2048, 2047, 2048)

    def test_what_noise_can_be(self):
        walk, sampling = RandomWalk(step=550), RandomSampling(step=9)
        assert (walk.bits, walk.range.lo, walk.range.hi) == (4, -2200, 2200)
        assert (sampling.bits, sampling.range.lo, sampling.range.hi) == (8, -9, 9)

    def test_gate_and_clamp_of_every_tick(self):
        phases = Phases(settle=1, data=2, transition=3, model=4)
        assert phases.ticks == 10
        assert [phases.gate(t) for t in range(10)] == [0, 1, 1, 0, 0, 0, -1, -1, -1, -1]
        assert [phases.clamped(t) for t in range(10)] == [True] * 3 + [False] * 7


class TestTravels:
    def test_through_json(self):
        machine = Machine(
            pixels=9,
            noise=RandomSampling(up=3),
            synapse=Synapse(cell="3T1R", update="abrupt", refresh_rows=0),
            window=Window(visible=3, hidden=2),
        )
        again = parse_machine(json.loads(machine.model_dump_json()), "again")
        assert again == machine and hash(again) == hash(machine)

    def test_is_frozen(self):
        machine = Machine()
        with pytest.raises(ValidationError, match="frozen"):
            machine.hidden = 3  # type: ignore[misc]

    def test_an_empty_description_is_the_full_machine(self):
        assert parse_machine({}, "nothing") == Machine()
