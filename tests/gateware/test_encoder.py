"""All ways from pixels to events, each event for event like golden's; and samples that are framed wrongly."""

import re
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateware.encoder import Encoder
from gateware.intake import Frames, WordQueue
from golden import encoder as golden
from golden.serializer import Serializer
from snnhw.implementation import queue_depth
from snnhw.interface import ABORT, EVENT, SAMPLE, STEP
from snnhw.kinds import twin
from snnhw.network import (
    AddressEvents,
    Bernoulli,
    CountReadout,
    Dense,
    Direct,
    Events,
    IntegrateFire,
    Latency,
    Layer,
    Network,
    Neuron,
    Range,
    Rate,
)
from tests.gateware.harness import Stall, events_of, examples, filled_lanes, simulate, stalls
from tests.gateware.samples import beats_of, transfers_of
from tests.strategies import encoders, samples

ENCODERS = {
    "direct": Direct(bits=4),
    "integrate_fire": IntegrateFire(),
    "bernoulli": Bernoulli(seed=0xBEEF),
    "rate": Rate(threshold=100, period=2, phase=1),
    "latency": Latency(),
    "events": Events(bits=3),
    "address_events": AddressEvents(bits=2),
}
FRAMED = [name for name, encoder in ENCODERS.items() if not encoder.takes_events]
STORED = [name for name in FRAMED if name != "direct"]
STALLS = [Stall(), Stall(sink=0.8, seed=1), Stall(source=0.8, seed=2), Stall(0.4, 0.4, True, 3)]


class Config(NamedTuple):
    network: Network
    lanes: int
    overlap: bool = True
    queue: bool = True
    event_lanes: int = 1


def network_of(encoder, inputs, num_steps=3):
    stage = Layer(name="layer", synapse=Dense(units=1, weight_bits=2), neuron=Neuron(threshold=1))
    return Network(input_shape=(inputs,), encoder=encoder, stages=(stage,), readout=CountReadout(), num_steps=num_steps)


def run_transfers(config, transfers, stall=None):
    encoder = Encoder(*config)
    run = simulate(encoder, {"sample": transfers}, stall, patience=30 + 2 * encoder.beats)
    return run, events_of(run)


def run_rtl(config, batch, stall=None):
    return run_transfers(config, transfers_of(config.network, config.lanes, batch, zeros=config.lanes % 2 == 0), stall)


def run_golden(config, batch):
    """Golden's values, cut into beats, through golden's serializer."""
    network, lanes = config.network, config.lanes
    leading = (network.num_steps,) if network.encoder.takes_events else ()
    steps = list(golden.encode(network, batch.reshape(len(batch), *leading, network.inputs)))
    words = []
    for sample in range(len(batch)):
        for t, values in enumerate(steps):
            end = SAMPLE if t == len(steps) - 1 else STEP
            starts = range(0, network.inputs, lanes)
            words += [
                (end if base == starts[-1] else EVENT, base, values[sample, base : base + lanes].tolist())
                for base in starts
            ]
    events = Serializer(config.event_lanes).serialize(words)
    if not network.encoder.repeats:
        return events
    return [(mark, *rest, min(value, 1)) for mark, *rest, value in events for _ in range(max(value, 1))]


def batch_of(network, count=2, seed=0):
    """Samples with many dark pixels, empty beats and both ends of a byte."""
    random = np.random.default_rng(seed)
    top = network.encoder.value_range.hi if network.encoder.takes_events else 255
    pixels = random.integers(0, top + 1, (count, *network.sample_shape), dtype=np.uint8)
    pixels[random.random(pixels.shape) < 0.4] = 0
    pixels[random.random(pixels.shape) < 0.1] = top
    pixels[..., 4:8] = 0
    return pixels


@st.composite
def configs(draw):
    """A network with any encoder, any way to build it, and samples."""
    network = network_of(draw(encoders), draw(st.integers(1, 10)), draw(st.integers(1, 5)))
    lanes = draw(st.sampled_from([1, 2, 3, 6, 8]))
    event_lanes = draw(st.sampled_from([1, 2] if lanes % 2 == 0 and not network.encoder.takes_events else [1]))
    config = Config(network, lanes, draw(st.booleans()), draw(st.booleans()), event_lanes)
    return config, draw(samples(network, count=draw(st.integers(1, 3))))


@pytest.mark.slow
@examples(60)
@given(configs(), stalls)
def test_events_are_equal(drawn, stall):
    config, batch = drawn
    run, events = run_rtl(config, batch, stall)
    assert events == run_golden(config, batch)
    assert not any(run.ports["error"])


@pytest.mark.slow
@pytest.mark.parametrize("lanes", [1, 2, 3, 8], ids="{} pixels a beat".format)
@pytest.mark.parametrize("name", ENCODERS)
def test_every_encoder(name, lanes):
    for inputs, num_steps, overlap in ((7, 4, True), (11, 1, False), (1, 3, False)):
        config = Config(network_of(ENCODERS[name], inputs, num_steps), lanes, overlap)
        batch = batch_of(config.network, 3)
        assert run_rtl(config, batch, STALLS[lanes % 4])[1] == run_golden(config, batch)


@pytest.mark.slow
@pytest.mark.parametrize("name", FRAMED)
@pytest.mark.parametrize("overlap", [True, False], ids=["overlap", "alone"])
@pytest.mark.parametrize("lanes", [2, 5], ids=["beats", "one beat"])
def test_stalls_change_no_event(name, overlap, lanes):
    config = Config(network_of(ENCODERS[name], 5, 4), lanes, overlap)
    batch = batch_of(config.network, 4)
    expected = run_golden(config, batch)
    for stall in STALLS[1::2]:
        assert run_rtl(config, batch, stall)[1] == expected


@pytest.mark.slow
@pytest.mark.parametrize("name", FRAMED)
@pytest.mark.parametrize("pixel", [0, 1, 127, 128, 254, 255])
def test_every_corner_of_a_byte(name, pixel):
    config = Config(network_of(ENCODERS[name], 3, 64 if name == "latency" else 5), 2, True)
    batch = np.full((1, 3), pixel, np.uint8)
    assert run_rtl(config, batch)[1] == run_golden(config, batch)


@pytest.mark.slow
@pytest.mark.parametrize("num_steps", [1, 3, 256, 300])
def test_latency_of_every_brightness(num_steps):
    """Of every eighth one, where that is slow."""
    batch = np.arange(0, 256, 8 if num_steps > 3 else 1, dtype=np.uint8)[None]
    config = Config(network_of(Latency(), batch.size, num_steps), 16, True)
    assert run_rtl(config, batch)[1] == run_golden(config, batch)


@pytest.mark.parametrize("encoder", [Rate(threshold=0), Rate(threshold=255), Rate(threshold=9, period=7, phase=6)])
def test_rates_of_every_step_of_none_and_of_a_phase_that_never_comes(encoder):
    config = Config(network_of(encoder, 5, 4), 2, False)
    batch = np.array([[0, 1, 9, 10, 255]], np.uint8)
    assert run_rtl(config, batch)[1] == run_golden(config, batch)


@pytest.mark.slow
@pytest.mark.parametrize("bits", range(1, 9))
def test_direct_encoding_of_every_depth(bits):
    config = Config(network_of(Direct(bits=bits), 256), 8, True)
    batch = np.arange(256, dtype=np.uint8)[None]
    assert run_rtl(config, batch)[1] == run_golden(config, batch)


# Ill-framed samples. `direct` passes events on before it can know, and withdraws them with an ABORT; the others pass on
# whole samples only.


def framed(pixels, lanes, last):
    """A sample of ``pixels`` whose beats carry ``last`` where it says so."""
    return [beat | {"last": index in last} for index, beat in enumerate(beats_of(pixels, lanes))]


def rest_of(name):
    """What is left of an ill-framed sample, its events forgotten."""
    return [(ABORT, 0, 0)] if name == "direct" else []


def forgotten(events):
    """The transfers without those that an ABORT withdraws."""
    kept: list[tuple[int, int, int]] = []
    since = 0
    for event in events:
        if event[0] == ABORT:
            del kept[since:]
        kept.append(event)
        since = since if event[0] == EVENT else len(kept)
    return kept


@pytest.mark.slow
@pytest.mark.parametrize("stall", STALLS[::3], ids=["free", "stalls"])
@pytest.mark.parametrize("overlap", [True, False], ids=["overlap", "alone"])
@pytest.mark.parametrize("name", FRAMED)
def test_an_ill_framed_sample_is_dropped_and_the_next_unharmed(name, overlap, stall):
    """Good, early last, good, late last with junk after it, missing last at a whole number of samples, good, good."""
    lanes = 3
    config = Config(network_of(ENCODERS[name], 10, 2), lanes, overlap)
    good, junk = batch_of(config.network, 4, seed=1), np.random.default_rng(2).integers(0, 256, 24).tolist()
    whole = [beats_of(sample.tolist(), lanes, fill=255) for sample in good]
    bad = [framed(junk[:12], lanes, {1}), framed(junk[:18], lanes, {5}), framed(junk[:24], lanes, {7})]
    bad[0] = bad[0][:2]
    transfers = [*whole[0], *bad[0], *whole[1], *bad[1], *bad[2], *whole[2], *whole[3]]
    run, events = run_transfers(config, transfers, stall)
    expected = [run_golden(config, sample[None]) for sample in good]
    rest = rest_of(name)
    assert forgotten(events) == [*expected[0], *rest, *expected[1], *rest, *rest, *expected[2], *expected[3]]
    assert error_of(run) == [False, True, False, True, False]
    taken, level = run.taken("sample"), run.ports["error"]
    for beat, error in ((5, 1), (9, 0), (13, 1), (27, 0)):
        assert level[taken[beat]] != error and level[taken[beat] + 1] == error


def error_of(run):
    """The values of ``error``, each once."""
    level = run.ports["error"]
    return [bool(value) for index, value in enumerate(level) if index == 0 or value != level[index - 1]]


@pytest.mark.parametrize("name", FRAMED)
@pytest.mark.parametrize("lanes", [4, 8])
def test_a_sample_of_one_beat_without_last(name, lanes):
    config = Config(network_of(ENCODERS[name], 4, 2), lanes, True)
    good = batch_of(config.network, 2, seed=3)
    bad = [{"pixels": [255] * lanes, "last": last} for last in (0, 0, 1)]
    beats = [beats_of(sample.tolist(), lanes, 255)[0] for sample in good]
    run, events = run_transfers(config, [beats[0], *bad, beats[1]])
    assert forgotten(events) == [*run_golden(config, good[:1]), *rest_of(name), *run_golden(config, good[1:])]
    assert error_of(run) == [False, True, False]


def test_an_event_of_no_address_sets_error_until_a_sample_without():
    network = network_of(Events(bits=2), 5, 2)
    stray, end = {"address": 5, "value": 3, "end": 0}, {"address": 7, "value": 3, "end": 1}
    event = {"address": 4, "value": 2, "end": 0}
    run, events = run_transfers(Config(network, 1), [event, end, end, event, stray, end, event, end, end, event, end])
    step, sample = (STEP, 0, 0), (SAMPLE, 0, 0)
    assert [(mark, mark == EVENT and address, mark == EVENT and value) for mark, address, value in events] == [
        (EVENT, 4, 2), step, sample, (EVENT, 4, 2), step, (EVENT, 4, 2), sample, step, (EVENT, 4, 2), sample
    ]  # fmt: skip
    assert error_of(run) == [False, True, False]
    assert run.ports["error"][4:6] == [0, 1] and run.ports["error"][10:12] == [1, 0]


# Cycles


@pytest.mark.parametrize("lanes", [1, 2, 3, 8])
def test_direct_passes_on_events_three_cycles_later_and_empty_beats_cost_nothing(lanes):
    config = Config(network_of(Direct(bits=8), 24), lanes)
    sample = np.zeros((1, 24), np.uint8)
    sample[0, :lanes] = 7
    sample[0, -1] = 9
    run, events = run_rtl(config, sample)
    assert events == run_golden(config, sample)
    last = 24 // lanes - 1
    assert run.taken("sample") == list(range(last + 1))
    first = [3 + lane for lane in range(lanes)]
    final = max(last + 3, first[-1] + 1)
    assert run.taken("events") == [*first, final, final + 1]


@pytest.mark.parametrize("lanes", [1, 2, 3, 8])
def test_without_a_queue_direct_passes_on_events_at_once_and_takes_a_beat_with_its_last(lanes):
    config = Config(network_of(Direct(bits=8), 24), lanes, queue=False)
    sample = np.zeros((1, 24), np.uint8)
    sample[0, :lanes] = 7
    sample[0, -1] = 9
    run, events = run_rtl(config, sample)
    assert events == run_golden(config, sample)
    beats = list(range(lanes - 1, lanes - 1 + 24 // lanes))
    final = beats[-1]
    assert run.taken("sample") == [*beats[:-1], final + 1]
    assert run.taken("events") == [*range(lanes), final, final + 1]


@pytest.mark.parametrize("name", STORED)
def test_without_a_queue_words_wait_in_their_frame(name):
    """The second bank is filled and a third sample waits, until the last word of the first has been read."""
    config = Config(network_of(ENCODERS[name], 8, 2), 4, queue=False)
    batch = np.full((3, 8), 200, np.uint8)
    assert taken_until_stuck(Encoder(*config), {"sample": transfers_of(config.network, 4, batch)}) == 4
    assert run_rtl(config, batch, STALLS[1])[1] == run_golden(config, batch)


@pytest.mark.parametrize("queue", [True, False], ids=["queue", "no queue"])
@pytest.mark.parametrize("event_lanes", [1, 2])
def test_direct_passes_on_a_transfer_a_cycle(event_lanes, queue):
    config = Config(network_of(Direct(bits=8), 16), 8, queue=queue, event_lanes=event_lanes)
    batch = np.full((3, 16), 255, np.uint8)
    run, events = run_rtl(config, batch)
    assert events == run_golden(config, batch)
    start = 3 if queue else 0
    assert run.taken("events") == list(range(start, start + 3 * (16 // event_lanes + 1)))


@pytest.mark.slow
@pytest.mark.parametrize("name", FRAMED)
def test_events_of_even_and_odd_pixels_leave_side_by_side(name):
    """Beats of a power of two of pixels, and of another even number; the last one part empty."""
    for lanes, inputs in ((4, 11), (6, 11), (2, 2)):
        config = Config(network_of(ENCODERS[name], inputs), lanes, event_lanes=2)
        batch = batch_of(config.network, 3)
        assert run_rtl(config, batch, STALLS[lanes % 4])[1] == run_golden(config, batch)


def taken_until_stuck(component, inputs):
    """How much of an input stream is taken where the output is not."""
    with pytest.raises(AssertionError, match=r"^stuck") as stuck:
        simulate(component, inputs, Stall(sink=1), patience=4)
    return int(re.search(r"has taken (\d+) of", str(stuck.value))[1])


@pytest.mark.parametrize(
    ("name", "overlap", "beats"), [("direct", True, 6), ("integrate_fire", True, 8), ("integrate_fire", False, 4)]
)
def test_intake_stops_once_a_frame_of_words_waits(name, overlap, beats):
    """The frame waits in the queue, with two words more, or in its banks."""
    network = network_of(ENCODERS[name], 16, 2)
    transfers = transfers_of(network, 4, np.full((6, 16), 255, np.uint8))
    assert taken_until_stuck(Encoder(network, 4, overlap), {"sample": transfers}) == beats


@pytest.mark.parametrize("lanes", [1, 2, 16])
def test_input_of_events_is_passed_on_at_once(lanes):
    config = Config(network_of(Events(), 16, 3), lanes, True)
    batch = batch_of(config.network, 1)
    run, _ = run_rtl(config, batch)
    passed = [
        cycle
        for transfer, cycle in zip(run.transfers["sample"], run.taken("sample"), strict=True)
        if transfer.payload["end"] or transfer.payload["value"]
    ]
    assert run.taken("sample") == list(range(len(run.taken("sample"))))
    assert run.taken("events") == passed


def frames_run(name, num_steps, banks, batch, stall=None, lanes=4):
    network = network_of(ENCODERS[name], batch.shape[1], num_steps)
    beats = []
    for sample in batch.tolist():
        cut = [beat["pixels"] for beat in beats_of(sample, lanes)]
        marks = [EVENT] * (len(cut) - 1) + [SAMPLE]
        beats += [
            {"mark": mark, "index": index, "pixels": pixels}
            for index, (mark, pixels) in enumerate(zip(marks, cut, strict=True))
        ]
    return simulate(Frames(twin(network.encoder, "gateware")(network, lanes), banks), {"beats": beats}, stall)


@pytest.mark.parametrize("name", STORED)
def test_frames_are_read_a_word_a_cycle_from_the_cycle_after_the_last_beat(name):
    run = frames_run(name, 3, 2, np.full((1, 12), 200, np.uint8))
    assert run.taken("beats") == [0, 1, 2]
    assert run.taken("words") == [4 + n for n in range(9)]


@pytest.mark.parametrize("count", [3, 1], ids=["words", "one word"])
def test_frames_with_a_second_bank_take_the_next_sample_meanwhile(count):
    run = frames_run("integrate_fire", 3, 2, np.full((4, 4 * count), 200, np.uint8))
    read = 3 * count
    starts = [run.taken("beats")[index] for index in range(0, 4 * count, count)]
    first = count + 1
    freed = [first - 1 + read * n for n in (1, 2)]
    assert starts == [0, count, freed[0], freed[1]]
    assert run.taken("words") == [first + n for n in range(4 * read)]


def test_frames_with_one_bank_take_the_next_sample_when_the_last_word_has_been_read():
    run = frames_run("integrate_fire", 3, 1, np.full((2, 12), 200, np.uint8))
    assert run.taken("beats") == [0, 1, 2, 12, 13, 14]
    assert run.taken("words") == [*range(4, 13), *range(16, 25)]


def queue_words(values):
    return [{"mark": mark, "base": 0, "filled": filled_lanes(value), "value": value} for mark, value in values]


@pytest.mark.parametrize("early", [False, True])
def test_the_queue_drops_words_with_nothing_in_them_and_takes_three_cycles(early):
    words = queue_words([(EVENT, [0, 1]), (EVENT, [0, 0]), (STEP, [0, 0]), (EVENT, [0, 0]), (EVENT, [3, 0])])
    run = simulate(WordQueue(4, 2, Range(lo=0, hi=3), 4, early), {"words": words})
    assert run.taken("words") == list(range(5))
    assert run.payloads("kept") == [words[0], words[2], words[4]]
    assert run.taken("kept") == [3, 5, 7]


@pytest.mark.parametrize("early", [False, True])
def test_the_queue_takes_and_gives_a_word_a_cycle(early):
    words = queue_words([(STEP, [n % 4, 0]) for n in range(12)])
    run = simulate(WordQueue(4, 2, Range(lo=0, hi=3), 3, early), {"words": words})
    assert run.taken("words") == list(range(12))
    assert run.taken("kept") == list(range(3, 15))


@pytest.mark.parametrize("early", [False, True])
@pytest.mark.parametrize(("depth", "held"), [(1, 2), (2, 2), (3, 4), (4, 4), (5, 8)])
def test_the_queue_holds_a_power_of_two_of_words_and_two_more(depth, held, early):
    words = queue_words([(EVENT, [1, n % 4]) for n in range(20)])
    assert queue_depth(depth) == held
    assert taken_until_stuck(WordQueue(4, 2, Range(lo=0, hi=3), depth, early), {"words": words}) == held + 2
    for stall in STALLS:
        run = simulate(WordQueue(4, 2, Range(lo=0, hi=3), depth, early), {"words": words}, stall)
        assert run.payloads("kept") == words


@pytest.mark.parametrize("early", [False, True])
def test_the_queue_drops_words_with_nothing_in_them_where_it_is_full(early):
    words = queue_words([(EVENT, [1, 0])] * 4 + [(EVENT, [0, 0])] * 5)
    assert taken_until_stuck(WordQueue(4, 2, Range(lo=0, hi=3), 2, early), {"words": words}) == (4 if early else 9)
