"""The emitted Verilog behind a pseudo-terminal, and a line that spoils bytes before it."""

import threading
from collections.abc import Iterator

import numpy as np
import pytest

from snnhw.design import Design
from snnhw.errors import LinkError, ToolError
from snnhw.frames import Kind
from snnhw.host.board import Board
from snnhw.host.link import SerialLink, open_link
from snnhw.host.protocol import Decoder, Frame, Identity, pack_pixels
from snnhw.host.run import run
from snnhw.host.simulated import SHELL, Line, simulated_port
from snnhw.implementation import Implementation
from snnhw.model import Model
from snnhw.weights import image
from tests import circuits
from tests.snnhw.host.simple import SpoilingLink, emit_once

pytestmark = pytest.mark.slow

MODEL, IMPLEMENTATION = circuits.model("direct"), Implementation.of(circuits.model("direct").network)


@pytest.fixture(autouse=True)
def once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("snnhw.host.simulated.emit_apart", emit_once)


@pytest.fixture
def link() -> Iterator[SerialLink]:
    with simulated_port(Design(MODEL, IMPLEMENTATION)) as name, open_link(name, 1_000_000) as opened:
        yield opened


def test_images_through_a_pseudo_terminal(link: SerialLink):
    report = run(Board(link, 1_000_000, 20.0), MODEL, circuits.samples("direct", 200))
    assert (report.images, report.equal) == (200, 200)
    assert 0 < report.cycles["min"] <= report.cycles["max"] < 1000


@pytest.mark.parametrize("seed", [1, 2])
def test_a_line_that_spoils_bytes_costs_time_and_changes_nothing(link: SerialLink, seed: int):
    spoiling = SpoilingLink(link, 0.001, seed)
    report = run(Board(spoiling, 1_000_000, 0.2), MODEL, circuits.samples("direct", 150))
    assert report.equal == 150
    assert spoiling.faults > 5
    assert report.repeated > 0


@pytest.mark.long
def test_new_weights_make_another_model_of_it():
    built = Implementation.of(MODEL.network, memory={stage.name: "ram" for stage in MODEL.network.stages})
    tensors = {**MODEL.tensors, "layer0.weight": np.clip(-MODEL.tensors["layer0.weight"], -8, 7)}
    other, samples = Model(MODEL.network, tensors), circuits.samples("direct", 40)
    with simulated_port(Design(MODEL, built)) as name, open_link(name, 1_000_000) as link:
        board = Board(link, 1_000_000, 20.0)
        assert run(board, MODEL, samples).equal == 40
        board.load(other, image(other, Design(MODEL, built)))
        assert run(board, other, samples).equal == 40
        with pytest.raises(LinkError, match=f"is of the model {other.digest[:16]}"):
            board.identify_as(MODEL)
        with pytest.raises(LinkError, match="has not taken the weights"):
            board.load(MODEL, image(MODEL, Design(MODEL, built))[:-1])
        with pytest.raises(LinkError, match="has no weights yet: load its weights, with --circuit"):
            list(board.classify(Identity.of(MODEL), samples))


def test_nothing_is_left_behind(link: SerialLink):
    before = threading.active_count()
    for _ in range(2):
        with simulated_port(Design(MODEL, IMPLEMENTATION)) as name, open_link(name, 9600) as other:
            Board(other, 9600, 20.0).identify_as(MODEL)
        with pytest.raises(KeyError), simulated_port(Design(MODEL, IMPLEMENTATION)):
            raise KeyError("an error in the block")
    assert threading.active_count() == before


def test_a_circuit_that_fails_is_told(monkeypatch: pytest.MonkeyPatch):
    failed = threading.Event()

    def fail(self: Line, octets: bytes) -> bytes:
        failed.set()
        raise ToolError("the simulated circuit failed: it does not settle")

    monkeypatch.setattr(Line, "run", fail)
    with pytest.raises(ToolError, match="does not settle"), simulated_port(Design(MODEL, IMPLEMENTATION)):
        assert failed.wait(20)


def test_bytes_that_nobody_reads_stop_nothing():
    """More answers than a pseudo-terminal holds."""
    with simulated_port(Design(MODEL, IMPLEMENTATION)) as name, open_link(name, 9600) as link:
        for _ in range(500):
            link.write(Frame(Kind.IDENTIFY, 1).encode())
        board, answers = Decoder(), 0
        while octets := link.read(0.5):
            answers += len(board.feed(octets))
        assert answers > 100


def test_the_line_is_idle_when_all_is_said():
    line = Line(emit_once(Design(MODEL, IMPLEMENTATION), shell=SHELL))
    try:
        contents = pack_pixels(Identity.of(MODEL), circuits.samples("direct", 1))[0]
        received = line.run(Frame(Kind.CLASSIFY, 5, contents).encode())
        while not line.idle:
            received += line.run(b"")
        assert [frame.number for frame in Decoder().feed(received)] == [5]
    finally:
        line.close()
