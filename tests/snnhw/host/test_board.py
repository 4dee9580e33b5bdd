"""Requests over lines that are good, bad and dead."""

import time
from itertools import count

import numpy as np
import pytest

from golden.network import run as run_golden
from snnhw.design import Design
from snnhw.errors import LinkError
from snnhw.frames import NUMBERS, Kind, Refusal
from snnhw.host.asking import TRIES
from snnhw.host.board import BUSY_SILENCES, WINDOW, Board
from snnhw.host.protocol import Frame, Identity
from snnhw.host.run import run
from snnhw.implementation import Implementation
from snnhw.verilog import emit
from tests import circuits
from tests.snnhw.host.simple import DeafLink, GoneLink, SimpleCircuit, SlowCircuit, SpoilingLink

MODEL = circuits.model("direct")
SHORT = 0.02
"""Seconds of silence that these tests can afford."""


def golden(samples: np.ndarray) -> list[tuple[int, tuple[int, ...]]]:
    result = run_golden(MODEL, samples)
    return list(zip(result.classes.tolist(), map(tuple, result.scores.tolist()), strict=True))


def classify(board: Board, samples: np.ndarray) -> list[tuple[int, tuple[int, ...]]]:
    answers = dict(board.classify(Identity.of(MODEL), samples))
    assert sorted(answers) == list(range(len(samples)))
    return [(answers[index].winner, answers[index].scores) for index in range(len(samples))]


def test_a_good_line():
    circuit, samples = SimpleCircuit(MODEL), circuits.samples("direct", 50)
    board = Board(circuit, 10**6, SHORT)
    assert board.identify_as(MODEL) == Identity.of(MODEL)
    assert classify(board, samples) == golden(samples)
    assert board.repeated == 0
    assert len(circuit.requests) == 51


@pytest.mark.parametrize("seed", range(4))
def test_a_bad_line_costs_time_and_changes_nothing(seed: int):
    samples = circuits.samples("direct", 60)
    link = SpoilingLink(SimpleCircuit(MODEL), 0.002, seed)
    board = Board(link, 10**6, SHORT)
    board.identify_as(MODEL)
    assert classify(board, samples) == golden(samples)
    assert link.faults > 5
    assert board.repeated > 0


def test_no_images():
    assert classify(Board(GoneLink(), 10**6, SHORT), circuits.samples("direct", 0)) == []


def test_a_request_that_was_overtaken_is_sent_again_at_once():
    circuit, samples = SimpleCircuit(MODEL, silent=1), circuits.samples("direct", 20)
    board, before = Board(circuit, 10**6, seconds=20), time.monotonic()
    assert classify(board, samples) == golden(samples)
    assert board.repeated == 1
    assert time.monotonic() - before < 15


def test_a_busy_circuit_gets_one_request_at_a_time():
    circuit, samples = SimpleCircuit(MODEL, busy=3), circuits.samples("direct", 20)
    board = Board(circuit, 10**6, SHORT)
    assert classify(board, samples) == golden(samples)
    assert board.repeated >= 3
    assert len({request.number for request in circuit.requests[:WINDOW]}) == WINDOW


def test_a_slow_circuit_that_is_busy_for_longer_than_the_silence_gives_every_answer():
    samples = circuits.samples("direct", 3)
    board = Board(SlowCircuit(MODEL, 10 * SHORT), 10**6, SHORT)
    assert classify(board, samples) == golden(samples)
    assert board.repeated > TRIES


def test_a_circuit_that_is_busy_for_ever_is_given_up():
    circuit, seconds = SimpleCircuit(MODEL, busy=1 << 30), SHORT / 4
    expected = f"simple has been busy for {BUSY_SILENCES * seconds:.3g} seconds without an answer, .*: reset the board"
    with pytest.raises(LinkError, match=expected):
        classify(Board(circuit, 10**6, seconds), circuits.samples("direct", 2))
    assert len(circuit.requests) < 4 * BUSY_SILENCES


FOREIGN = {
    "identities": Frame(Kind.IDENTIFY, 0, Identity.of(MODEL).encode()),
    "results of another length": Frame(Kind.CLASSIFY, 0, b"result"),
    "refusals of another request": Frame(Kind.REFUSED, 9, bytes([Refusal.BUSY])),
    "frames of no kind": Frame(7, 0),
}


@pytest.mark.parametrize("frame", FOREIGN.values(), ids=FOREIGN)
def test_a_device_that_sends_other_frames_for_ever_is_given_up(frame: Frame):
    link = DeafLink(frame.encode())
    with pytest.raises(LinkError, match=rf"no answer from deaf after {TRIES} tries; \d+ frames came that answer no"):
        classify(Board(link, 10**6, SHORT), circuits.samples("direct", 2))


def test_an_answer_among_frames_of_other_kinds_is_found():
    class Chatty(SimpleCircuit):
        def read(self, seconds: float) -> bytes:
            return Frame(7, 0).encode() * 9 + super().read(min(seconds, 0.001))

    samples = circuits.samples("direct", 3)
    circuit = Chatty(MODEL, loads=True)
    board = Board(circuit, 10**6, SHORT)
    board.load(MODEL, b"weight")
    assert classify(board, samples) == golden(samples)
    assert board.repeated == 0


def test_answers_that_come_twice_count_once():
    class Twice(SimpleCircuit):
        def read(self, seconds: float) -> bytes:
            return super().read(seconds) * 2

    samples = circuits.samples("direct", 40)
    board = Board(Twice(MODEL), 10**6, SHORT)
    assert classify(board, samples) == golden(samples)


def test_answers_of_another_length_are_passed_over():
    class Longer(SimpleCircuit):
        longer = count()

        def result(self, sample: np.ndarray) -> bytes:
            return super().result(sample) + bytes(next(self.longer) == 2)

    samples = circuits.samples("direct", 10)
    board = Board(Longer(MODEL), 10**6, SHORT)
    assert classify(board, samples) == golden(samples)
    assert board.repeated == 1


def test_tries_are_bounded():
    circuit = SimpleCircuit(MODEL)
    board = Board(circuit, 10**6, SHORT)
    board.identify()
    circuit.requests.clear()
    circuit.silent = 1000
    with pytest.raises(LinkError, match=f"image 0 had no answer from simple after {TRIES} tries"):
        classify(board, circuits.samples("direct", 9))
    assert len(circuit.requests) <= WINDOW * TRIES


def test_nothing_answers():
    with pytest.raises(LinkError, match="nothing answers on deaf at 9600 baud: is the board powered"):
        Board(DeafLink(), 9600, SHORT).identify()


def test_garbage_answers():
    with pytest.raises(LinkError, match=r"what comes from deaf at 9600 baud are \d+ bytes without an answer in them"):
        Board(DeafLink(b"~\x80\xfe~"), 9600, SHORT).identify()


@pytest.mark.parametrize("contents", [b"", b"snn", bytes(21)])
def test_something_else_answers(contents: bytes):
    link = DeafLink(Frame(Kind.IDENTIFY, 0, contents).encode())
    with pytest.raises(LinkError, match="what answers on deaf at 9600 baud is no circuit that this snnhw knows"):
        Board(link, 9600, SHORT).identify()


def test_a_circuit_of_another_version():
    with pytest.raises(LinkError, match="is no circuit that this snnhw knows: program the board anew"):
        Board(SimpleCircuit(MODEL, version=2), 9600, SHORT).identify()


def test_a_circuit_of_another_model():
    other = circuits.model("latency")
    expected = f"is of the model {other.digest[:16]}..., not {MODEL.digest[:16]}...: program"
    with pytest.raises(LinkError) as caught:
        Board(SimpleCircuit(other), 9600, SHORT).identify_as(MODEL)
    assert expected in str(caught.value)


@pytest.mark.slow
def test_a_circuit_that_loads_has_the_room_that_it_was_built_with():
    model = circuits.model("neuron_major")
    built = Implementation.of(model.network, memory={"layer2": "ram"})
    room = Design(model, built).scores
    assert room.width > model.score_range.width
    emitted = emit(Design(model, built)).interface.result.field("scores")
    assert (room.width, room.signed) == (emitted.width, emitted.signed)
    circuit = SimpleCircuit(model, loads=True)
    board = Board(circuit, 9600, SHORT)
    with pytest.raises(LinkError, match=f"score_bits={model.score_range.width}.*not .*score_bits={room.width}"):
        board.identify_as(model, room)
    circuit._identity = Identity.of(model, room)
    assert board.identify_as(model, room) == board.identify_as(model) == circuit._identity
    with pytest.raises(LinkError, match="program the board with this model, or load its weights, with --circuit"):
        board.identify_as(circuits.model("latency"))


def test_a_circuit_that_contradicts_itself():
    circuit = SimpleCircuit(MODEL)
    circuit._identity = Identity(**{**vars(Identity.of(MODEL)), "classes": 3})
    with pytest.raises(LinkError, match="classes=3"):
        Board(circuit, 9600, SHORT).identify_as(MODEL)


def test_a_circuit_that_refuses_what_it_should_know():
    circuit = SimpleCircuit(MODEL)
    circuit._identity = Identity(**{**vars(Identity.of(MODEL)), "inputs": 30})
    with pytest.raises(LinkError, match="refuses"):
        classify(Board(circuit, 9600, SHORT), circuits.samples("direct", 1))


def test_new_weights():
    circuit = SimpleCircuit(MODEL, loads=True)
    board = Board(circuit, 10**6, SHORT)
    assert board.identify_as(MODEL).loads
    with pytest.raises(LinkError, match="simple has no weights yet: load its weights, with --circuit"):
        classify(board, circuits.samples("direct", 1))
    board.load(MODEL, b"weight")
    assert circuit.weights == bytes.fromhex(MODEL.digest[:16]) + b"weight"
    assert len(classify(board, circuits.samples("direct", 3))) == 3


@pytest.mark.parametrize("seed", [0, 1, 3])
def test_new_weights_over_a_bad_line(seed: int):
    circuit = SimpleCircuit(MODEL, loads=True)
    circuit.size = 200
    link = SpoilingLink(circuit, 0.001, seed)
    Board(link, 10**6, SHORT).load(MODEL, bytes(200))
    assert link.faults > 0
    assert circuit.weights == bytes.fromhex(MODEL.digest[:16]) + bytes(200)


def test_weights_that_are_not_taken():
    with pytest.raises(LinkError, match="takes no new weights"):
        Board(SimpleCircuit(MODEL), 10**6, SHORT).load(MODEL, b"weight")
    with pytest.raises(LinkError, match=f"has not taken the weights in {TRIES} tries: are they 5 bytes"):
        Board(SimpleCircuit(MODEL, loads=True), 10**6, SHORT).load(MODEL, b"short")


def test_a_line_that_is_gone():
    with pytest.raises(LinkError, match="gone has gone"):
        Board(GoneLink(), 9600, SHORT).identify()


def test_a_report():
    samples, updates = circuits.samples("direct", 12), []
    report = run(
        Board(SimpleCircuit(MODEL), 10**6, SHORT),
        MODEL,
        samples,
        np.zeros(12, np.int64),
        lambda done, total: updates.append((done, total)),
    )
    assert (report.images, report.equal, report.difference, report.repeated) == (12, 12, None, 0)
    assert report.correct == sum(chosen == 0 for chosen, _ in golden(samples))
    assert report.cycles == {"min": 100, "mean": 100.0, "max": 100}
    assert updates == [(done, 12) for done in range(1, 13)]
    assert run(Board(SimpleCircuit(MODEL), 10**6, SHORT), MODEL, samples).correct is None


def test_a_circuit_that_computes_something_else():
    class Wrong(SimpleCircuit):
        def result(self, sample: np.ndarray) -> bytes:
            right = super().result(sample)
            return right if sample.any() else bytes([3]) + right[1:]

    samples = circuits.samples("direct", 6)
    samples[4] = 0
    report = run(Board(Wrong(MODEL), 10**6, SHORT), MODEL, samples)
    chosen, scores = golden(samples)[4]
    assert chosen != 3
    assert report.equal == 5
    assert report.difference is not None
    assert (report.difference.image, report.difference.golden) == (4, (chosen, scores))
    assert report.difference.circuit == (3, scores)
    assert str(report.difference).startswith(f"image 4: golden class {chosen}, scores {scores[0]} ")
    assert report.record()["difference"]["circuit"]["class"] == 3


def test_the_window_leaves_numbers_to_late_answers():
    assert WINDOW <= NUMBERS // 2


@pytest.mark.parametrize("samples", [circuits.samples("direct", 6) > 9, circuits.samples("direct", 6) / 255])
def test_samples_of_another_kind_are_refused_before_any_is_sent(samples: np.ndarray):
    link = SimpleCircuit(MODEL)
    with pytest.raises(ValueError, match=r"^samples must be uint8 \[B, 11\], not (bool|float64)"):
        run(Board(link, 10**6, SHORT), MODEL, samples)


def test_labels_that_are_no_classes_are_refused():
    with pytest.raises(ValueError, match=r"^labels must lie in 0..3, not in 1..4"):
        run(Board(SimpleCircuit(MODEL), 10**6, SHORT), MODEL, circuits.samples("direct", 4), np.arange(4) + 1)
