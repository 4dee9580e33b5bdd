"""Verify on a circuit written by hand, whose records are altered on their way: everything altered is located."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from golden.network import Golden
from snnhw.compare import Divergence
from snnhw.design import Design
from snnhw.errors import ToolError
from snnhw.interface import StreamPort
from snnhw.simulate.simulation import Mode, Simulation, Stall
from snnhw.simulate.taps import signal_words
from snnhw.verification import Report, verify
from tests import toy

pytestmark = pytest.mark.slow

SAMPLES = toy.samples(40)
CHUNK = 20  # samples that one thread takes at a time
HIDDEN = toy.INTERFACE.taps[1]
WORDS_PER_SAMPLE = 2 * len(HIDDEN.order)

Change = Callable[[Simulation, Mode], Simulation]


@dataclass
class Altered:
    """A simulator that changes what the circuit showed."""

    change: Change

    @property
    def sample_port(self) -> StreamPort:
        return toy.INTERFACE.sample

    def run(self, samples: np.ndarray, *, mode: Mode = "isolated", faults=(), **options) -> Simulation:
        shown = toy.simulator().run(samples, mode=mode, faults=faults, **options)
        return shown if faults else self.change(shown, mode)


def report(change: Change = lambda simulation, _: simulation, samples: np.ndarray = SAMPLES, **options) -> Report:
    chosen = {"simulator": Altered(change), "timing": False, **options}
    return verify(Design(toy.MODEL, toy.IMPLEMENTATION), samples, **chosen)


def in_records(stage: str, change: Callable[[np.ndarray], np.ndarray], only: Mode | None = None) -> Change:
    """Change the records of a stage in the chunk that holds sample 7."""

    def altered(simulation: Simulation, mode: Mode) -> Simulation:
        if only not in (None, mode) or not holds_sample_7(simulation):
            return simulation
        records = simulation.records[stage].copy()
        return replace(simulation, records={**simulation.records, stage: change(records)})

    return altered


def holds_sample_7(simulation: Simulation) -> bool:
    if not simulation.records or simulation.samples < CHUNK:
        return False
    return bool((simulation.encoder().values(1, CHUNK, 5)[0][0, 7] == SAMPLES[7]).all())


def flipped(field: str, step: int, neuron: int, sample: int = 7) -> Callable[[np.ndarray], np.ndarray]:
    """Flip the lowest bit of one number of the hidden layer."""
    word, lane = divmod(neuron, 2)
    signal, columns = next(found for found in signal_words(HIDDEN) if found[0].name == field)
    column, bit = divmod(lane * signal.width, 32)

    def change(records: np.ndarray) -> np.ndarray:
        records[sample * WORDS_PER_SAMPLE + 2 * step + word, columns.start + column] ^= np.uint32(1 << bit)
        return records

    return change


def expected(field: str, step: int, neuron: int, sample: int = 7) -> int:
    trace = Golden(toy.MODEL).run(SAMPLES, traces=True).traces["hidden"]
    values = trace.state["membrane"] if field == "membrane" else getattr(trace, field)
    return int(values[step, sample, neuron])


def test_an_equal_circuit_is_found_equal():
    labels = np.arange(40) % 3
    found = report(labels=labels)
    assert found.equal
    assert (found.images, found.mismatches, found.problems, found.divergence) == (40, 0, (), None)
    assert found.correct == int((Golden(toy.MODEL).run(SAMPLES).classes == labels).sum())
    assert found.cycles is not None
    assert (found.cycles.min, found.cycles.mean, found.cycles.max) == (15, 15.0, 15)
    assert found.interval is not None
    assert found.interval.max < 15
    # Events of 5 pixels and 2 counts of the encoder; 4 fields of 3 neurons in 2 steps; 3 scores and a class.
    assert found.values == 2 * 40 * (5 + 2 + 4 * 3 * 2 + 3 + 1)
    plain = json.loads(json.dumps(found.to_json()))
    assert plain["equal"] is True
    assert found.silent == ()
    assert report(samples=np.zeros_like(SAMPLES)).silent == ()
    assert report(samples=np.ones_like(SAMPLES)).silent == ("hidden",)
    assert plain["cycles"] == {"min": 15, "mean": 15.0, "max": 15}
    assert (plain["digest"], plain["modes"]) == (toy.MODEL.digest, ["isolated", "stream"])


def test_one_mode_and_stalls_and_progress():
    calls: list[tuple[int, int]] = []
    found = report(modes=("stream",), stall=Stall(seed=3), progress=lambda *call: calls.append(call))
    assert found.equal
    assert found.cycles is None
    assert found.interval is not None
    assert calls == sorted(calls)
    assert calls[-1] == (40, 40)


@pytest.mark.parametrize("shape", [(40, 1, 5), (40, 5, 1)])
def test_samples_come_in_their_own_shape(shape: tuple[int, ...]):
    assert report(samples=SAMPLES.reshape(shape)).to_json()["equal"] is True


def test_nothing_to_compare_is_refused():
    with pytest.raises(ValueError, match="not 0 samples"):
        report(samples=toy.samples(0), labels=np.zeros(0, int))
    with pytest.raises(ValueError, match=r"in modes \(\)"):
        report(modes=())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"samples": SAMPLES > 100}, r"samples must be uint8 \[B, 5\], not bool"),
        ({"samples": SAMPLES / 255}, r"samples must be uint8 \[B, 5\], not float64"),
        ({"samples": SAMPLES.astype(int)}, r"samples must be uint8 \[B, 5\], not int64"),
        ({"labels": np.zeros(40)}, r"labels must be integers \[40\], not float64 \[40\]"),
        ({"labels": np.zeros(40, bool)}, r"labels must be integers \[40\], not bool \[40\]"),
        ({"labels": np.full(40, "1")}, r"labels must be integers \[40\], not <U1 \[40\]"),
        ({"labels": np.zeros((40, 1), int)}, r"labels must be integers \[40\], not int64 \[40, 1\]"),
        ({"labels": np.zeros(1, int)}, r"labels must be integers \[40\], not int64 \[1\]"),
        ({"labels": np.arange(40) % 4}, r"labels must lie in 0..2, not in 0..3"),
        ({"labels": np.full(40, -1)}, r"labels must lie in 0..2, not in -1..-1"),
    ],
)
def test_arrays_of_another_kind_are_refused_before_the_circuit_is_built(
    change: dict[str, Any], message: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("snnhw.verification.engines.engine", None)
    with pytest.raises(ValueError, match=f"^{message}"):
        report(**change, simulator=None)


@pytest.mark.parametrize("field", ["integrated", "spike", "value", "membrane"])
@pytest.mark.parametrize(("step", "neuron"), [(0, 0), (0, 2), (1, 1)])
def test_a_number_of_a_layer_is_located(field: str, step: int, neuron: int):
    found = report(in_records("hidden", flipped(field, step, neuron)))
    assert (found.mismatches, found.equal) == (1, False)
    right = expected(field, step, neuron)
    assert found.divergence == Divergence("isolated", 7, step, "hidden", neuron, field, right, right ^ 1)


def test_a_sample_of_another_chunk_is_numbered_among_all():
    def change(simulation: Simulation, mode: Mode) -> Simulation:
        changed = in_records("hidden", flipped("integrated", 0, 0))(simulation, mode)
        return simulation if changed is not simulation else replace(simulation, records=late(simulation))

    def late(simulation: Simulation) -> dict[str, np.ndarray]:
        return {**simulation.records, "hidden": flipped("integrated", 1, 2, 3)(simulation.records["hidden"].copy())}

    divergence = report(change).divergence
    assert divergence is not None
    assert (divergence.sample, divergence.golden) == (CHUNK + 3, expected("integrated", 1, 2, CHUNK + 3))


def test_every_sample_counts_where_chunks_do_not_divide_them():
    def change(simulation: Simulation, _: Mode) -> Simulation:
        results = simulation.results.copy()
        results[-1] ^= np.uint32(simulation.samples == CHUNK)
        return replace(simulation, results=results)

    found = report(change, toy.samples(2 * CHUNK + 1), labels=np.zeros(2 * CHUNK + 1, int))
    assert (found.images, found.mismatches) == (2 * CHUNK + 1, 1)
    assert found.divergence is not None
    assert (found.divergence.sample, found.divergence.field) == (2 * CHUNK, "class")


@pytest.mark.parametrize(
    ("later", "first"),
    [
        (("integrated", 0, 0, 8), ("membrane", 1, 2, 7)),
        (("integrated", 1, 0, 7), ("membrane", 0, 2, 7)),
        (("integrated", 0, 1, 7), ("membrane", 0, 0, 7)),
        (("membrane", 0, 1, 7), ("value", 0, 1, 7)),
    ],
    ids=["sample", "step", "neuron", "field"],
)
def test_of_two_differences_the_cause_is_named(later: tuple[str, int, int, int], first: tuple[str, int, int, int]):
    def both(records: np.ndarray) -> np.ndarray:
        return flipped(*later)(flipped(*first)(records))

    divergence = report(in_records("hidden", both)).divergence
    assert divergence is not None
    assert (divergence.field, divergence.step, divergence.neuron, divergence.sample) == first


def test_a_dropped_event_is_named_before_what_follows_from_it():
    event = first_event()

    def change(simulation: Simulation, mode: Mode) -> Simulation:
        simulation = in_records("hidden", flipped("integrated", 0, 0))(simulation, mode)
        return in_records("encoder", lambda records: np.delete(records, event, axis=0))(simulation, mode)

    found = report(change)
    where = int(np.flatnonzero(SAMPLES[7])[0])
    assert found.mismatches == 1
    assert found.divergence == Divergence("isolated", 7, 0, "encoder", where, "value", int(SAMPLES[7, where]), 0)
    assert str(found.divergence) == (
        f"isolated: sample 7, step 0, stage encoder, input {where}, value: golden {SAMPLES[7, where]}, circuit 0"
    )


class Endless:
    """A simulator that never ends of itself."""

    sample_port = toy.INTERFACE.sample

    def run(self, samples: np.ndarray, *, progress: Callable[[int], None], **_) -> Simulation:
        while True:
            progress(len(samples) // 2)
            time.sleep(0.01)


def test_an_interruption_ends_every_simulation():
    def interrupt(done: int, total: int) -> None:
        assert total == 80
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        report(simulator=Endless(), progress=interrupt)


def test_what_goes_wrong_in_one_thread_ends_the_others():
    class Broken(Endless):
        def run(self, samples: np.ndarray, **options) -> Simulation:
            if np.array_equal(samples, SAMPLES[:CHUNK]):
                raise ToolError("broken")
            return super().run(samples, **options)

    with pytest.raises(ToolError, match="broken"):
        report(simulator=Broken())


def first_event() -> int:
    """The record of sample 7's first event: every sample before ends with a mark."""
    return int(np.count_nonzero(SAMPLES[:7])) + 7


def test_an_event_that_comes_twice_is_a_mismatch():
    event = first_event()
    found = report(in_records("encoder", lambda records: np.insert(records, event, records[event], axis=0)))
    assert found.mismatches == 1
    assert found.divergence == Divergence("isolated", 7, None, "encoder", None, "events out of place", 0, 1)


def test_a_sample_of_too_many_steps_is_a_mismatch():
    mark = np.array([1, 0, 0], np.uint32)
    found = report(in_records("encoder", lambda records: np.insert(records, first_event() + 1, mark, axis=0)))
    assert found.mismatches == 1
    assert not found.equal


def test_what_only_a_stream_shows_is_found():
    found = report(in_records("hidden", flipped("spike", 1, 1), only="stream"))
    assert found.mismatches == 1
    assert found.divergence is not None
    assert found.divergence.mode == "stream"


@pytest.mark.parametrize(("bit", "field", "neuron"), [(0, "class", None), (2, "score", 0), (6, "score", 2)])
def test_a_wrong_result_is_located(bit: int, field: str, neuron: int | None):
    def change(simulation: Simulation, _: Mode) -> Simulation:
        results = simulation.results.copy()
        results[9] ^= np.uint32(1 << bit)
        return replace(simulation, results=results)

    found = report(change)
    assert found.mismatches == 2  # one in each chunk
    assert found.divergence is not None
    assert (found.divergence.sample, found.divergence.step, found.divergence.stage) == (9, None, "readout")
    assert (found.divergence.field, found.divergence.neuron) == (field, neuron)


def test_a_missing_word_is_a_mismatch_from_there_on():
    found = report(in_records("hidden", lambda records: np.delete(records, 7 * WORDS_PER_SAMPLE, axis=0)))
    assert found.mismatches == CHUNK - 7
    assert found.divergence is not None
    assert (found.divergence.sample, found.divergence.step, found.divergence.stage) == (7, 0, "hidden")


def test_a_last_sample_that_was_never_shown_is_named():
    found = report(in_records("hidden", lambda records: records[:-1]))
    assert found.mismatches == 1
    assert found.divergence == Divergence("isolated", CHUNK - 1, None, "hidden", None, "integrated", 6, None)
    assert str(found.divergence).endswith("stage hidden, integrated: golden 6 values, circuit nothing")


def test_surplus_words_are_a_problem():
    found = report(in_records("hidden", lambda records: np.concatenate([records, records[:3]])))
    assert found.mismatches == 0
    assert not found.equal
    assert found.problems == tuple(
        f"{mode}: the tap of stage 'hidden' showed 3 words too many" for mode in ("isolated", "stream")
    )


@pytest.mark.parametrize(
    "transfer", [(0, 2, 1), (1, 0, 0), (2, 0, 0), (3, 0, 0)], ids=["event", "step", "end", "abort"]
)
def test_what_the_encoder_sends_after_the_last_sample_is_a_problem(transfer: tuple[int, int, int]):
    more = np.array([transfer], np.uint32)
    found = report(in_records("encoder", lambda records: np.concatenate([records, more]), only="stream"))
    assert (found.mismatches, found.equal) == (0, False)
    assert found.problems[-1] == "stream: the encoder sent 1 transfers too many, after the last sample"


def test_error_flag_surplus_results_and_samples_given_up_are_problems():
    def change(simulation: Simulation, _: Mode) -> Simulation:
        return replace(simulation, error=True, extra_results=2)

    found = report(change, modes=("isolated",))
    assert [problem.partition(": ")[2][:40] for problem in found.problems] == [
        "the circuit raised its error flag on sam",
        "the circuit gave 2 results that nobody a",
    ]
    assert not found.equal


def test_a_circuit_that_stops_is_a_problem_with_a_message():
    silent = toy.VERILOG.replace("else if (finished) result__valid <= 1;", "")
    found = report(simulator=toy.simulator(silent), labels=np.zeros(40, int))
    assert (found.mismatches, found.correct, found.cycles) == (40, 0, None)
    assert found.problems[0].startswith("isolated: the circuit gave no result for sample 0 by cycle")
    assert json.dumps(found.to_json())


def test_a_waveform_is_written_only_where_something_differs(tmp_path: Path):
    path = tmp_path / "wave.vcd"
    assert report(waveform=path).waveform is None
    assert not path.exists()
    for mode in ("isolated", "stream"):
        found = report(in_records("hidden", flipped("spike", 1, 1), only=mode), waveform=path)
        assert found.waveform == path
        assert "tap_integrated" in path.read_text()
        path.unlink()
