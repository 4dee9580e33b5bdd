"""Encoders: pixels become events. Twin of ``golden/encoder.py``.

``Encoder`` is the component; the others face golden's functions one by one. Pixels pass what ``gateware/intake.py``
holds: ``Framing``, then, for encoders that look at every pixel at every step, ``Frames``; then the queue, and a
:class:`gateware.serializer.Serializer`.
"""

from functools import reduce
from operator import or_

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from gateware.intake import Frames, Framing, Rule, WordQueue, framed_layout
from gateware.lfsr import lfsr_advance
from gateware.serializer import Serializer
from gateware.stream import Mark, beat_layout, event_layout, filled, word_layout
from snnhw.implementation import address_width
from snnhw.interface import COUNT_BITS
from snnhw.kinds import twin
from snnhw.network import Bernoulli, IntegrateFire, Network, Rate


def sample_layout(network: Network, pixels_per_beat: int) -> data.StructLayout:
    """What a network takes in: beats of pixels or, where its input is events, events and ends of steps.

    Pixels come in raster order, the first in lane 0, the last beat filled up with anything. An event has the fields
    that name its input, and ``value`` where it carries one; a transfer with ``end`` closes a step and carries no event.
    """
    encoder = network.encoder
    if not encoder.takes_events:
        return beat_layout(pixels_per_beat)
    places = {name: address_width(size) for name, size in encoder.places(network.input_shape).items()}
    value = {"value": encoder.value_range.width} if encoder.carries_values else {}
    return data.StructLayout({**places, **value, "end": 1})


def input_address(network: Network, sample: data.View) -> Value:
    """The input that an event names, as golden numbers them."""
    terms, stride = [], 1
    for name, size in network.encoder.places(network.input_shape).items():
        terms.append(sample[name] * stride if stride > 1 else sample[name])
        stride *= size
    return sum(terms[1:], terms[0])


def names_no_input(network: Network, sample: data.View) -> Value:
    """Whether a transfer is an event, and what it names does not exist."""
    places = network.encoder.places(network.input_shape)
    first, *others = (sample[name] >= size for name, size in places.items())
    return ~sample.end & reduce(or_, others, first)


class Encoder(wiring.Component):
    """Turns a sample into the events of ``num_steps`` steps (of one step, where the encoder sends ``once``).

    What makes events is the encoder's twin: a `Rule` that looks at every pixel at every step, or a component from
    ``beats`` to ``words``, each made from the network and the lanes of a word; or, where samples are events, one from
    ``sample`` to ``events``, made from the network.

    Direct: takes a beat a cycle and passes on its events, ``event_lanes`` a cycle. The encoders that look at every
    pixel at every step take in the whole sample first, into one of two banks with ``overlap``. Events: passes them on
    at once.

    With ``queue`` words wait in block RAM, so that back-pressure stops the intake only once a frame's worth of words
    waits; beats without events then cost nothing. Without, a beat is taken when its last event leaves. A sample that
    ``last`` ends early or does not end in time is dropped: ``error`` rises and stays until the next good sample is in.
    """

    def __init__(
        self, network: Network, pixels_per_beat: int, overlap: bool = True, queue: bool = True, event_lanes: int = 1
    ):
        self.network = network
        self.pixels_per_beat = pixels_per_beat
        self.overlap = overlap
        self.queue = queue
        self.event_lanes = event_lanes
        self.beats = -(-network.inputs // pixels_per_beat)
        super().__init__(
            {
                "sample": In(stream.Signature(sample_layout(network, pixels_per_beat))),
                "events": Out(stream.Signature(event_layout(network.inputs, network.encoder.value_range, event_lanes))),
                "error": Out(1),
                **{name: Out(COUNT_BITS) for name in network.encoder.counts},
            }
        )
        self.tap_strobe = Signal()
        self.taps = {
            name: Signal(len(Value.cast(self.events.payload[name])), name=f"tap_{name}")
            for name in ("mark", "address", "value")
        }

    def elaborate(self, platform):
        m = Module()
        if self.network.encoder.takes_events:
            m.submodules.counter = source = twin(self.network.encoder, "gateware")(self.network)
            m.d.comb += self.error.eq(source.error)
            m.d.comb += [getattr(self, name).eq(getattr(source, name)) for name in self.network.encoder.counts]
            wiring.connect(m, wiring.flipped(self.sample), source.sample)
        else:
            source = self._pixels(m)
        wiring.connect(m, source.events, wiring.flipped(self.events))
        m.d.comb += [
            self.tap_strobe.eq(self.events.valid & self.events.ready),
            *(tap.eq(self.events.payload[name]) for name, tap in self.taps.items()),
        ]
        return m

    def _pixels(self, m):
        network, lanes = self.network, self.pixels_per_beat
        m.submodules.framing = framing = Framing(network.inputs, lanes)
        made = twin(network.encoder, "gateware")(network, lanes)
        if isinstance(made, Rule):
            m.submodules.frames = words = Frames(made, banks=2 if self.overlap else 1)
        else:
            m.submodules.quantise = words = made
        wiring.connect(m, framing.beats, words.beats)
        values = network.encoder.value_range
        m.submodules.serializer = serializer = Serializer(network.inputs, lanes, values, self.event_lanes, stride=lanes)
        kept = words.words
        if self.queue:
            m.submodules.queue = queue = WordQueue(network.inputs, lanes, values, self.beats)
            wiring.connect(m, words.words, queue.words)
            kept = queue.kept
        wiring.connect(m, wiring.flipped(self.sample), framing.sample)
        wiring.connect(m, kept, serializer.words)
        m.d.comb += self.error.eq(framing.error)
        return serializer


class Quantise(wiring.Component):
    """Twin of golden's ``direct``: pixels >> (8 - bits); combinational."""

    def __init__(self, network: Network, lanes: int):
        self.lanes = lanes
        self.bits = network.encoder.value_range.width
        super().__init__(
            {
                "beats": In(stream.Signature(framed_layout(network.inputs, lanes))),
                "words": Out(stream.Signature(word_layout(network.inputs, lanes, network.encoder.value_range))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        beat, word = self.beats.payload, self.words.payload
        values = [beat.pixels[lane][8 - self.bits :] for lane in range(self.lanes)]
        m.d.comb += [
            self.words.valid.eq(self.beats.valid),
            self.beats.ready.eq(self.words.ready),
            word.mark.eq(beat.mark),
            word.base.eq(beat.index * self.lanes),
            *(word.value[lane].eq(value) for lane, value in enumerate(values)),
            word.filled.eq(filled(values)),
        ]
        return m


class StepCounter(wiring.Component):
    """Twin of golden's ``events``: passes events on and numbers the ends of steps; combinational.

    Events of value 0 and of an address that does not exist are dropped; the latter set ``error`` until a sample ends
    without one. An address must not come twice in a step, which is not checked: all widths that follow rest on it.
    Events that carry no value get one of 1.
    """

    def __init__(self, network: Network):
        self.network = network
        super().__init__(
            {
                "sample": In(stream.Signature(sample_layout(network, 1))),
                "events": Out(stream.Signature(event_layout(network.inputs, network.encoder.value_range))),
                "error": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        sample, event = self.sample.payload, self.events.payload
        step, outside, faulty, wanted = Signal(address_width(self.network.num_steps)), Signal(), Signal(), Signal()
        last_step = step == self.network.num_steps - 1
        value = sample.value if self.network.encoder.carries_values else Const(1)
        m.d.comb += [
            outside.eq(names_no_input(self.network, sample)),
            wanted.eq(sample.end | (value.any() & ~outside)),
            event.mark.eq(Mux(sample.end, Mux(last_step, Mark.SAMPLE, Mark.STEP), Mark.EVENT)),
            event.address.eq(input_address(self.network, sample)),
            event.value.eq(value),
            self.events.valid.eq(self.sample.valid & wanted),
            self.sample.ready.eq(self.events.ready | ~wanted),
        ]
        with m.If(self.sample.valid & self.sample.ready):
            with m.If(outside):
                m.d.sync += [self.error.eq(1), faulty.eq(1)]
            with m.Elif(sample.end):
                m.d.sync += step.eq(Mux(last_step, 0, step + 1))
                with m.If(last_step):
                    m.d.sync += [self.error.eq(faulty), faulty.eq(0)]
        return m


class EventBins(wiring.Component):
    """Twin of golden's ``address_events``, and of ``binned``: passes on as many events of an input in a bin as count.

    A bin is a step. Takes a transfer a cycle, and offers it in the next; one that is dropped takes a cycle too. In the
    first cycle after a reset only what lies outside is taken. ``doubles`` and ``outside`` count drops, ``error`` is
    that of `StepCounter`.

    A memory holds the count of each input and the tag of its bin, a count of another bin being 0. Tags begin anew, so
    no old count may live that long: each end of a bin writes 0 to one input, all of them in turn, and there are as many
    tags as inputs. Ends of bins write nothing else, so that this takes no cycle. After a reset, which leaves the memory
    as it is, a bin begins too, and tags go on.
    """

    def __init__(self, network: Network):
        self.network = network
        self.steps = StepCounter(network)
        self.highest = network.encoder.value_range.hi
        self.tag_bits = address_width(network.inputs)
        super().__init__(
            {
                "sample": In(self.steps.sample.signature.flip()),
                "events": Out(self.steps.events.signature),
                "error": Out(1),
                **{name: Out(COUNT_BITS) for name in network.encoder.counts},
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.steps = steps = self.steps
        wiring.connect(m, wiring.flipped(self.sample), steps.sample)
        coming, event = steps.events, self.events.payload
        held, holds, begins = Signal.like(coming.payload), Signal(), Signal(init=1)
        full, leaves, turns = Signal(), Signal(), Signal()
        count = self._count(m, coming, held, leaves & ~full, turns)
        is_event = held.mark == Mark.EVENT
        m.d.comb += [
            self.error.eq(steps.error),
            full.eq(is_event & (count == self.highest)),
            event.eq(held),
            self.events.valid.eq(holds & ~full),
            leaves.eq(holds & (full | self.events.ready)),
            turns.eq(begins | (leaves & ~is_event)),
            coming.ready.eq((~holds | leaves) & ~begins),
        ]
        m.d.sync += begins.eq(0)
        with m.If(coming.ready):
            m.d.sync += [holds.eq(coming.valid), held.eq(coming.payload)]
        with m.If(leaves & full):
            m.d.sync += self.doubles.eq(self.doubles + 1)
        with m.If(self.sample.valid & self.sample.ready & names_no_input(self.network, self.sample.payload)):
            m.d.sync += self.outside.eq(self.outside + 1)
        return m

    def _count(self, m, coming, held, counted, turns):
        """How often the input of what is held has been counted in this bin; ``turns``: the next one begins."""
        tag, cleared = Signal(self.tag_bits, reset_less=True), Signal(self.tag_bits, reset_less=True)
        row = data.StructLayout({"tag": self.tag_bits, "count": self.network.encoder.value_range.width})
        m.submodules.counts = store = memory.Memory(shape=row, depth=self.network.inputs, init=[])
        write, read, same, kept = store.write_port(), store.read_port(), Signal(), Signal(row)
        found, count = Signal(row), Signal.like(kept.count)
        m.d.comb += [
            read.addr.eq(coming.payload.address),
            read.en.eq(coming.ready),
            found.eq(Mux(same, kept, read.data)),
            count.eq(Mux(found.tag == tag, found.count, 0)),
            write.addr.eq(Mux(turns, cleared, held.address)),
            write.data.tag.eq(tag),
            write.data.count.eq(Mux(turns, 0, count + 1)),
            write.en.eq(turns | counted),
        ]
        with m.If(coming.ready):
            m.d.sync += [same.eq(write.en & (write.addr == read.addr)), kept.eq(write.data)]
        with m.If(turns):
            m.d.sync += [tag.eq(tag + 1), cleared.eq(Mux(cleared == self.network.inputs - 1, 0, cleared + 1))]
        return count


class IntegrateFireRule(Rule):
    """Twin of golden's ``integrate_fire``: the carry of an 8-bit accumulator a pixel."""

    def elaborate(self, platform):
        m = Module()
        m.submodules.acc = store = memory.Memory(shape=data.ArrayLayout(8, self.lanes), depth=self.count, init=[])
        write = store.write_port()
        # A sample of a single word reads it for the next step in the cycle that writes it.
        read = store.read_port(transparent_for=(write,) if self.count == 1 else ())
        m.d.comb += [
            read.addr.eq(self.coming),
            read.en.eq(self.reads),
            write.addr.eq(self.word),
            write.en.eq(self.taken),
        ]
        for lane in range(self.lanes):
            acc = Mux(self.step == 0, IntegrateFire.START, read.data[lane]) + self.pixels[lane]
            m.d.comb += Cat(write.data[lane], self.fires[lane]).eq(acc)
        return m


class BernoulliRule(Rule):
    """Twin of golden's ``bernoulli``: 8 shifts of the register a pixel, all pixels of a word at once."""

    def elaborate(self, platform):
        m = Module()
        encoder = self.network.encoder
        assert isinstance(encoder, Bernoulli)
        register, state = Signal(32), Signal(32)
        in_last_word = self.network.inputs - (self.count - 1) * self.lanes
        starts = (self.word == 0) & (self.step == 0)
        m.d.comb += state.eq(Mux(starts, encoder.seed, register))
        after = [lfsr_advance(m, state, 8 * (lane + 1), f"after_{lane}") for lane in range(self.lanes)]
        for lane in range(self.lanes):
            m.d.comb += self.fires[lane].eq(after[lane][:8] < self.pixels[lane])
        with m.If(self.taken):
            m.d.sync += register.eq(Mux(self.word == self.count - 1, after[in_last_word - 1], after[-1]))
        return m


class RateRule(Rule):
    """Twin of golden's ``rate``: pixels above the threshold, at one step of each period."""

    def elaborate(self, platform):
        m = Module()
        encoder = self.network.encoder
        assert isinstance(encoder, Rate)
        steps = range(encoder.phase, self.network.num_steps, encoder.period)
        now = Signal()
        with m.Switch(self.step):
            for step in steps:
                with m.Case(step):
                    m.d.comb += now.eq(1)
        for lane in range(self.lanes):
            pixel = self.pixels[lane]
            # No pixel is above the highest: tools warn of a comparison that cannot be.
            above = pixel > encoder.threshold if encoder.threshold < (1 << len(pixel)) - 1 else Const(0)
            m.d.comb += self.fires[lane].eq(now & above)
        return m


class LatencyRule(Rule):
    """Twin of golden's ``latency``: each pixel above 0 at one step, the brighter the earlier."""

    def elaborate(self, platform):
        m = Module()
        for lane in range(self.lanes):
            moment = (~self.pixels[lane] * self.network.num_steps)[8:]
            m.d.comb += self.fires[lane].eq((moment == self.step) & self.pixels[lane].any())
        return m
