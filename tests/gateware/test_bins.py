"""Events of a camera: the circuit counts, passes on and drops as golden's ``binned`` does, whatever their order."""

from collections import Counter
from itertools import product
from typing import NamedTuple

import numpy as np
import pytest
from amaranth.hdl import ResetInserter, Signal, Value
from hypothesis import given
from hypothesis import strategies as st

from gateware.encoder import EventBins
from golden.encoder import binned
from snnhw.interface import EVENT, SAMPLE, STEP
from snnhw.network import AddressEvents, CountReadout, Dense, Layer, Network, Neuron
from tests.gateware.harness import Stall, drive, events_of, examples, simulate, stalls

SHAPES = [(1,), (5,), (8,), (3, 2), (2, 3, 4), (2, 2, 2), (1, 3, 1)]


class Given(NamedTuple):
    """Events of each bin, as x, y and polarity, as far as the network has them; all samples one after the other."""

    network: Network
    bins: list[list[tuple[int, ...]]]

    @property
    def transfers(self):
        names = list(self.network.encoder.places(self.network.input_shape))
        transfers = []
        for events in self.bins:
            transfers += [{**dict(zip(names, event, strict=True)), "end": 0} for event in events]
            transfers.append({**dict.fromkeys(names, 0), "end": 1})
        return transfers

    @property
    def golden(self):
        """The samples, and what all of them together had dropped."""
        steps = self.network.num_steps
        names = list(self.network.encoder.places(self.network.input_shape))
        found = []
        for start in range(0, len(self.bins), steps):
            bins = self.bins[start : start + steps]
            numbers = np.repeat(np.arange(steps), [len(events) for events in bins])
            fields = np.array([event for events in bins for event in events], np.int64).reshape(-1, len(names))
            found.append(binned(self.network, numbers, dict(zip(names, fields.T, strict=True))))
        samples = np.stack([each.sample for each in found])
        return samples, sum(each.doubles for each in found), sum(each.outside for each in found)


def network_of(shape, bits, num_steps=3):
    layer = Layer(name="layer", synapse=Dense(units=1, weight_bits=2), neuron=Neuron(threshold=1))
    encoder = AddressEvents(bits=bits)
    return Network(input_shape=shape, encoder=encoder, stages=(layer,), readout=CountReadout(), num_steps=num_steps)


def counted(network, events):
    """The events of a circuit as samples; an event of another value than 1 is none of its own."""
    bins, current = list[list[int]](), Counter[int]()
    for mark, address, value in events:
        if mark == EVENT:
            assert value == 1
            current[address] += 1
            continue
        assert mark == (SAMPLE if len(bins) % network.num_steps == network.num_steps - 1 else STEP)
        bins.append([current[address] for address in range(network.inputs)])
        current = Counter()
    assert not current
    return np.array(bins, np.uint8).reshape(-1, *network.sample_shape)


def check(given, stall=None, circuit=EventBins):
    run = simulate(circuit(given.network), {"sample": given.transfers}, stall)
    samples, doubles, outside = given.golden
    assert counted(given.network, events_of(run)).tolist() == samples.tolist()
    assert (run.ports["doubles"][-1], run.ports["outside"][-1]) == (doubles, outside)
    return run


def random_bins(network, seed, samples, most):
    """Random events in random order, some of them outside where there is room for that."""
    random = np.random.default_rng(seed)
    sizes = network.encoder.places(network.input_shape).values()
    reach = [1 << max(1, (size - 1).bit_length()) for size in sizes]
    counts = random.integers(0, most + 1, samples * network.num_steps)
    return Given(network, [[tuple(random.integers(0, reach).tolist()) for _ in range(n)] for n in counts])


@st.composite
def givens(draw):
    network = network_of(draw(st.sampled_from(SHAPES)), draw(st.integers(1, 3)), draw(st.integers(1, 3)))
    sizes = network.encoder.places(network.input_shape).values()
    event = st.tuples(*(st.integers(0, (1 << max(1, (size - 1).bit_length())) - 1) for size in sizes))
    bins = draw(st.lists(st.lists(event, max_size=12), min_size=1, max_size=4))
    return Given(network, [*bins, *[[]] * (-len(bins) % network.num_steps)])


@pytest.mark.slow
@examples(25)
@given(givens(), stalls)
def test_any_events_are_counted_as_golden_counts_them(drawn, stall):
    check(drawn, stall)


@pytest.mark.parametrize("stall", [Stall(), Stall(0.4, 0.6, True, 3)], ids=["free", "stalls"])
@pytest.mark.parametrize("bits", [1, 2])
def test_the_same_input_again_and_again_and_right_behind_the_end_of_a_bin(bits, stall):
    network, a, b = network_of((2, 3, 4), bits), (1, 2, 0), (1, 2, 1)
    check(Given(network, [[a, a, a, a, a], [a, b, a, b, a, b, a, b, a], [a]]), stall)
    check(Given(network, [[a], [a], [a, a], [], [a, b], [b, a]]), stall)


def test_what_lies_outside_is_dropped_counted_and_said():
    network = network_of((2, 3, 5), 1, 2)
    outside = [(5, 0, 0), (7, 2, 1), (0, 3, 0), (4, 3, 1)]
    given = Given(network, [[(4, 2, 1), *outside], [(4, 2, 1)], [(0, 0, 0)], []])
    run = check(given)
    taken, error = run.taken("sample"), run.ports["error"]
    assert run.ports["outside"][-1] == len(outside)
    assert [error[taken[1]], error[taken[1] + 1]] == [0, 1]  # the first event outside
    ends = [index for index, sent in enumerate(given.transfers) if sent["end"]]
    assert [error[taken[end] + 1] for end in ends] == [1, 1, 1, 0]


@pytest.mark.parametrize("bits", [1, 3])
def test_an_event_is_taken_every_cycle_and_offered_in_the_next(bits):
    given = random_bins(network_of((2, 3, 4), bits), seed=bits, samples=4, most=60)
    run = check(given)
    first = run.taken("sample")[0]
    assert first <= 1
    assert run.taken("sample") == list(range(first, first + len(given.transfers)))
    assert set(run.taken("events")) <= {cycle + 1 for cycle in run.taken("sample")}


def old_counts(network):
    """One event of every input, then nothing but ends until its tag is there again, then every input once more."""
    tags = 1 << max(1, (network.inputs - 1).bit_length())
    every = [event[::-1] for event in product(*(range(size) for size in network.input_shape))]
    bins = []
    for silence in range(tags - 3, tags + 3):
        bins += [every, *[[]] * max(0, silence)]
    return Given(network, [*bins, *[[]] * (-len(bins) % network.num_steps)])


@pytest.mark.parametrize("shape", [(1,), (2,), (5,), (8,), (2, 2, 4)], ids=str)
def test_counts_of_an_old_bin_are_gone_when_its_tag_comes_again(shape):
    check(old_counts(network_of(shape, 1, 1)))


def test_the_test_of_old_counts_finds_counts_that_are_not_cleared():
    class Forgetful(EventBins):
        """Has half as many tags as inputs, and clears the lower half alone."""

        def __init__(self, network):
            super().__init__(network)
            self.tag_bits -= 1

    with pytest.raises(AssertionError):
        check(old_counts(network_of((8,), 1, 1)), circuit=Forgetful)


@pytest.mark.parametrize("cut", range(1, 8))
def test_a_reset_begins_a_bin_and_forgets_what_was_counted(cut):
    """Resets after a few events of the first bin, over more bins than tags; each is followed by a whole sample."""
    network = network_of((4,), 1, 1)
    events = [(0,), (1,), (0,), (2,), (3,), (3,), (1,)][:cut]
    component, reset, found = EventBins(network), Signal(), []

    async def bench(ctx):
        ctx.set(component.events.ready, 1)

        async def send(x, end):
            ctx.set(component.sample.payload, {"x": x, "end": end})
            ctx.set(component.sample.valid, 1)
            await ctx.tick().until(component.sample.ready)
            ctx.set(component.sample.valid, 0)

        for _ in range(6):
            for (x,) in events:
                await send(x, 0)
            ctx.set(reset, 1)
            await ctx.tick()
            ctx.set(reset, 0)
            assert (ctx.get(component.doubles), ctx.get(component.outside)) == (0, 0)
            seen = []
            for x, end in ((0, 0), (1, 0), (2, 0), (3, 0), (3, 0), (0, 1)):
                await send(x, end)
                if ctx.get(component.events.valid):
                    event = component.events.payload
                    seen.append((ctx.get(Value.cast(event.mark)), ctx.get(event.address)))
            assert ctx.get(component.doubles) == 1
            found.append([address for mark, address in seen if mark == EVENT])

    drive(ResetInserter(reset)(component), bench)
    assert found == [[0, 1, 2, 3]] * 6
