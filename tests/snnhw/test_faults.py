"""Faults between samples, written out by hand, and the order in which all is sent."""

import numpy as np
import pytest

from snnhw.network import Events, IntegrateFire
from snnhw.simulate.faults import Fault, faults_between, schedule
from snnhw.simulate.samples import Beats
from tests.snnhw.inputs import event_port, network, pixel_port


def pixel_faults(beats: int, count: int) -> list[Fault]:
    """Of a network that takes a pixel a beat."""
    samples = np.arange(beats, dtype=np.uint8)[None]
    return faults_between(network(IntegrateFire(), (beats,), 3), pixel_port(1), samples, count)


def ends(fault: Fault) -> str:
    """The beats of a fault: ``+`` where ``last`` is set."""
    return "".join("-+"[word >> 8] for (word,) in fault.words.tolist())


@pytest.mark.parametrize(
    ("beats", "dropped", "interrupted"),
    [
        (1, ["-+"], ["--"]),
        (2, ["---+", "+", "--++"], ["-", "---"]),
        (3, ["-----+", "+", "-+", "---++"], ["-", "----"]),
        (5, ["---------+", "+", "---+", "-----+-+"], ["--", "------"]),
    ],
)
def test_last_comes_late_and_early_and_resets_come_in_the_middle(
    beats: int, dropped: list[str], interrupted: list[str]
):
    faults = pixel_faults(beats, len(dropped + interrupted))
    assert [ends(fault) for fault in faults if fault.reset is None] == dropped
    assert [ends(fault) for fault in faults if fault.reset is not None] == interrupted
    assert not any(fault.lasting for fault in faults)


@pytest.mark.parametrize(
    ("count", "resets"), [(6, []), (7, [1.5]), (8, [0.5, 1.5]), (11, [0.125, 0.375, 0.625, 0.875, 1.5])]
)
def test_resets_while_a_sample_is_worked_on_fill_up(count: int, resets: list[float]):
    faults = pixel_faults(5, count)
    assert len(faults) == count
    assert [fault.reset for fault in faults[: count - 6]] == resets
    assert {ends(fault) for fault in faults[: count - 6]} <= {"----+"}


def test_what_there_is_no_room_for_is_left_out():
    assert [ends(fault) for fault in pixel_faults(5, 2)] == ["---------+", "+"]


def test_what_is_sent_is_the_negative_of_every_third_pixel():
    late = pixel_faults(4, 1)[0]
    assert [word & 255 for (word,) in late.words.tolist()] == [255, 0, 0, 252] * 2


def test_events_have_no_frame_but_addresses_that_do_not_exist():
    samples = np.full((1, 2, 5), 8, np.uint8)
    events, end = [[address | 7 << 3] for address in range(5)], [1 << 7]
    faults = faults_between(network(Events(bits=4), (5,), 2), event_port(), samples, 5)
    half, other = [events[0], events[3], end], [events[1], events[4], end]
    sent = [[*half, *other], [*half, *other], half, [[5 | 15 << 3]], [[5 | 15 << 3]]]
    assert [fault.words.tolist() for fault in faults] == sent
    assert [fault.reset for fault in faults] == [0.5, 1.5, 0.5, 0, None]
    assert [fault.lasting for fault in faults] == [False] * 4 + [True]


def test_every_address_exists_where_all_of_them_are_inputs():
    faults = faults_between(network(Events(bits=4), (8,), 1), event_port(), np.zeros((1, 1, 8), np.uint8), 3)
    assert [len(fault.words) for fault in faults] == [4, 4, 2]


def test_faults_lie_between_samples():
    beats = Beats(np.arange(5, dtype=np.uint32)[:, None], np.array([2, 1, 2]))
    faults = [Fault("", np.array([[8], [9]], np.uint32), reset=0.5), Fault("", np.array([[7]], np.uint32))]
    sent = schedule(beats, faults)
    assert sent.words.ravel().tolist() == [0, 1, 8, 9, 2, 7, 3, 4]
    assert sent.first.tolist() == [0, 2, 4, 5, 6, 8]
    assert sent.answered.tolist() == [True, False, True, False, True]
    assert sent.reset.tolist() == [-1, 128, -1, -1, -1]
    with pytest.raises(ValueError, match="3 faults lie between 4 samples at least, not 3"):
        schedule(beats, [*faults, faults[0]])
