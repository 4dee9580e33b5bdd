"""Commands over lines that are good, bad and dead: each is done once."""

from random import Random

import numpy as np
import pytest

from snnhw.errors import LinkError
from snnhw.frames import Kind
from snnhw.host.asking import TRIES
from snnhw.host.commands import STUCK_SILENCES, CommandBoard
from snnhw.host.link import Link
from snnhw.host.protocol import Exchange, Frame
from snnhw.payloads import unpack_beats
from tests import adder
from tests.snnhw.host.exchanging import DIGEST, ExchangingAdder
from tests.snnhw.host.simple import DeafLink, GoneLink, SpoilingLink

SHORT = 0.02
"""Seconds of silence that these tests can afford."""
INTERFACE = adder.interface()


def board(link: Link, digest: str = DIGEST) -> CommandBoard:
    return CommandBoard(link, 10**6, INTERFACE, digest, SHORT)


@pytest.mark.parametrize("depth", [16, 256, 2048])
@pytest.mark.parametrize("slow", [0, 3])
def test_a_good_line(depth: int, slow: int):
    circuit = ExchangingAdder(depth=depth, slow=slow)
    host = board(circuit)
    assert host.begin().buffer == depth
    commands, sums = adder.random_commands(Random(depth), 100)
    assert adder.results(host.do(commands)) == sums
    (words,) = host.do([adder.dump()])
    found = unpack_beats(INTERFACE.stream("words_out"), words["words_out"])["word"][:, 0]
    assert found.tolist() == ((sums[-1][0] + np.arange(adder.WORDS)) % (1 << 12)).tolist()
    assert host.repeated == 0
    assert circuit.resets == 1


@pytest.mark.parametrize("seed", range(6))
def test_a_bad_line_costs_time_and_changes_nothing(seed: int):
    link = SpoilingLink(ExchangingAdder(depth=64), 0.002, seed)
    host = board(link)
    host.begin()
    commands, sums = adder.random_commands(Random(seed), 150)
    assert adder.results(host.do(commands, ahead=1 + seed)) == sums
    (words,) = host.do([adder.dump()])
    assert len(words["words_out"]) == 2 * adder.WORDS
    assert link.faults > 5
    assert host.repeated > 0


def test_a_circuit_that_knows_no_positions_is_noticed():
    """What the bad line shows is that repeated bytes count once: without positions they would not."""
    link = SpoilingLink(ExchangingAdder(depth=64, careless=True), 0.002, 1)
    host = board(link)
    host.begin()
    commands, sums = adder.random_commands(Random(1), 150)
    try:
        found = adder.results(host.do(commands))
    except (LinkError, IndexError):
        return
    assert found != sums


@pytest.mark.parametrize("which", range(1, 8))
def test_each_request_whose_answer_is_lost_is_done_once(which: int):
    circuit = ExchangingAdder()
    host = board(circuit)
    host.begin()
    commands, sums = adder.random_commands(Random(which), 12)
    found = []
    for number, outcome in enumerate(host.do(commands, ahead=2)):
        circuit.silent = 2 if number == which else circuit.silent
        found.append(outcome)
    assert adder.results(found) == sums
    assert host.repeated > 0


@pytest.mark.slow
def test_positions_go_round():
    """More bytes than a position counts, both ways."""
    circuit = ExchangingAdder(depth=2048)
    host = board(circuit)
    host.begin()
    for _ in range(75):
        (words,) = host.do([adder.dump()])
        assert len(words["words_out"]) == 600
    commands, sums = adder.random_commands(Random(0), 8400)
    assert adder.results(host.do(commands, ahead=60)) == sums


def test_another_circuit_is_refused_with_what_to_do():
    with pytest.raises(LinkError, match=r"is that of 0123456789abcdef\.\.\., not of ffffffffffffffff\.\.\.: program"):
        board(ExchangingAdder(), "f" * 64).begin()


def test_a_line_without_a_circuit():
    with pytest.raises(LinkError, match="nothing answers on deaf"):
        board(DeafLink()).begin()
    with pytest.raises(LinkError, match="no circuit that this snnhw knows"):
        board(DeafLink(Frame(Kind.IDENTIFY, 0, b"something else").encode())).begin()
    with pytest.raises(LinkError, match="gone has gone in the middle"):
        list(board(GoneLink()).do([adder.add(1, 2, 3)]))


def test_a_circuit_that_is_gone_is_given_up():
    circuit = ExchangingAdder()
    host = board(circuit)
    host.begin()
    circuit.silent = 10**6
    with pytest.raises(LinkError, match=f"ADD had no answer from adder after {TRIES} tries"):
        list(host.do([adder.add(1, 2, 3)]))


def test_a_circuit_that_does_not_end_is_given_up():
    host = board(ExchangingAdder(slow=10**9))
    host.seconds = 0.001
    with pytest.raises(LinkError, match=rf"has been doing ADD for {STUCK_SILENCES * 0.001:.3g} seconds without an end"):
        list(host.do([adder.add(1, 2, 3)]))


def test_a_reset_on_the_way_is_noticed():
    circuit = ExchangingAdder()
    host = board(circuit)
    host.begin()
    commands, _ = adder.random_commands(Random(0), 20)
    outcomes = host.do(commands)
    for _ in range(9):
        next(outcomes)
    circuit.power_up()
    with pytest.raises(LinkError, match="was reset while it was doing ADD: begin anew, with its weights"):
        list(outcomes)


def test_a_stream_that_is_not_there_is_told():
    host = board(DeafLink(Exchange(0, 0, b"\x07").frame(0).encode()))
    host._buffer = 256
    with pytest.raises(LinkError, match="gave a beat of stream 7"):
        list(host.do([adder.add(0, 0, 0)]))
