"""Encoders: pixels become events. Twin of ``golden/encoder.py``.

``Encoder`` is the component; inside it, pixels pass ``Framing``, then either straight or, for encoders that look at
every pixel at every step, through ``Frames``, which keeps them; then a queue without empty words, and a
:class:`gateware.serializer.Serializer`.
"""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, fifo, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from gateware.serializer import Serializer
from gateware.stream import Mark, beat_layout, event_layout, word_layout
from snnhw.implementation import address_width
from snnhw.network import Bernoulli, Network, Range, Rate

LFSR_MASK = 0x80000057
"""Feedback of the 32-bit Galois register of the Bernoulli encoder, shifted right."""

BINARY = Range(lo=0, hi=1)


def sample_layout(network: Network, pixels_per_beat: int) -> data.StructLayout:
    """What a network takes in: beats of pixels or, where its input is events, events and ends of steps.

    Pixels come in raster order, the first in lane 0, the last beat filled up with anything. An event has ``address``
    and ``value``; a transfer with ``end`` closes a step and carries no event.
    """
    if network.encoder.kind != "events":
        return beat_layout(pixels_per_beat)
    value = network.encoder_value_range.width
    return data.StructLayout({"address": address_width(network.inputs), "value": value, "end": 1})


class Encoder(wiring.Component):
    """Turns a sample into the events of ``num_steps`` steps (of one step, for direct encoding).

    Direct: takes a beat a cycle, passes on its events from the next cycle but one, one a cycle; beats without events
    cost nothing. The encoders that look at every pixel at every step take in the whole sample first, into one of two
    banks with ``overlap``. Events: passes them on at once.

    Back-pressure stops the intake once a frame's worth of words waits. A sample that ``last`` ends early or does not
    end in time is dropped: ``error`` rises and stays until the next good sample is in.
    """

    def __init__(self, network: Network, pixels_per_beat: int, overlap: bool = True):
        self.network = network
        self.pixels_per_beat = pixels_per_beat
        self.overlap = overlap
        self.beats = -(-network.inputs // pixels_per_beat)
        super().__init__(
            {
                "sample": In(stream.Signature(sample_layout(network, pixels_per_beat))),
                "events": Out(stream.Signature(event_layout(network.inputs, network.encoder_value_range))),
                "error": Out(1),
            }
        )
        event = self.events.payload
        self.tap_strobe = Signal()
        self.taps = {
            name: Signal(len(value), name=f"tap_{name}")
            for name, value in (
                ("mark", event.mark.as_value()),
                ("address", event.address),
                ("value", event.value),
            )
        }

    def elaborate(self, platform):
        m = Module()
        if self.network.encoder.kind == "events":
            m.submodules.counter = source = StepCounter(self.network)
            m.d.comb += self.error.eq(source.error)
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
        if network.encoder.kind == "direct":
            m.submodules.quantise = words = Quantise(network, lanes)
            wiring.connect(m, framing.beats, words.beats)
        else:
            m.submodules.frames = words = Frames(network, lanes, banks=2 if self.overlap else 1)
            wiring.connect(m, framing.beats, words.beats)
        m.submodules.queue = queue = WordQueue(network.inputs, lanes, network.encoder_value_range, self.beats)
        m.submodules.serializer = serializer = Serializer(network.inputs, lanes, network.encoder_value_range)
        wiring.connect(m, wiring.flipped(self.sample), framing.sample)
        wiring.connect(m, words.words, queue.words)
        wiring.connect(m, queue.kept, serializer.words)
        m.d.comb += self.error.eq(framing.error)
        return serializer


def framed_layout(inputs: int, lanes: int) -> data.StructLayout:
    """Pixels with the ``index`` of their beat; ``mark`` EVENT, SAMPLE (last beat) or ABORT."""
    index = address_width(-(-inputs // lanes))
    return data.StructLayout({"mark": Mark, "index": index, "pixels": data.ArrayLayout(8, lanes)})


class Framing(wiring.Component):
    """Counts beats and holds ``last`` against the count; combinational, a beat a cycle.

    An early or missing ``last`` turns the beat into an ABORT and sets ``error``; after a missing one, beats are
    swallowed up to the next ``last``. Lanes beyond the sample's end read 0.
    """

    def __init__(self, inputs: int, lanes: int):
        self.inputs = inputs
        self.lanes = lanes
        super().__init__(
            {
                "sample": In(stream.Signature(beat_layout(lanes))),
                "beats": Out(stream.Signature(framed_layout(inputs, lanes))),
                "error": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        final_index = (self.inputs - 1) // self.lanes
        index, skipping, final = Signal(address_width(final_index + 1)), Signal(), Signal()
        sample, beat = self.sample.payload, self.beats.payload
        taken = self.sample.valid & self.sample.ready & ~skipping
        m.d.comb += [
            final.eq(index == final_index),
            beat.mark.eq(Mux(final & sample.last, Mark.SAMPLE, Mux(final | sample.last, Mark.ABORT, Mark.EVENT))),
            beat.index.eq(index),
            self.beats.valid.eq(self.sample.valid & ~skipping),
            self.sample.ready.eq(self.beats.ready | skipping),
        ]
        for lane in range(self.lanes):
            outside = final_index * self.lanes + lane >= self.inputs
            m.d.comb += beat.pixels[lane].eq(Mux(final, 0, sample.pixels[lane]) if outside else sample.pixels[lane])
        with m.If(taken):
            m.d.sync += index.eq(Mux(final | sample.last, 0, index + 1))
            with m.If(final | sample.last):
                m.d.sync += [self.error.eq(~(final & sample.last)), skipping.eq(~sample.last)]
        with m.Elif(skipping & self.sample.valid & sample.last):
            m.d.sync += skipping.eq(0)
        return m


class Quantise(wiring.Component):
    """Twin of golden's ``direct``: pixels >> (8 - bits); combinational. An ABORT carries no events."""

    def __init__(self, network: Network, lanes: int):
        self.lanes = lanes
        self.bits = network.encoder_value_range.width
        super().__init__(
            {
                "beats": In(stream.Signature(framed_layout(network.inputs, lanes))),
                "words": Out(stream.Signature(word_layout(network.inputs, lanes, network.encoder_value_range))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        beat, word = self.beats.payload, self.words.payload
        m.d.comb += [
            self.words.valid.eq(self.beats.valid),
            self.beats.ready.eq(self.words.ready),
            word.mark.eq(beat.mark),
            word.base.eq(beat.index * self.lanes),
        ]
        with m.If(beat.mark != Mark.ABORT):
            m.d.comb += [word.value[lane].eq(beat.pixels[lane][8 - self.bits :]) for lane in range(self.lanes)]
        return m


class WordQueue(wiring.Component):
    """A queue of ``depth + 1`` words in block RAM; words with neither event nor mark are dropped, full or not.

    A word that enters an empty queue can leave 2 cycles later; one a cycle in and out.
    """

    def __init__(self, inputs: int, lanes: int, values: Range, depth: int):
        self.depth = depth
        layout = word_layout(inputs, lanes, values)
        super().__init__({"words": In(stream.Signature(layout)), "kept": Out(stream.Signature(layout))})

    def elaborate(self, platform):
        m = Module()
        word = self.words.payload
        m.submodules.fifo = queue = fifo.SyncFIFOBuffered(width=len(word.as_value()), depth=self.depth + 1)
        wanted = Signal()
        m.d.comb += [
            wanted.eq(word.value.as_value().any() | (word.mark != Mark.EVENT)),
            queue.w_data.eq(word),
            queue.w_en.eq(self.words.valid & wanted),
            self.words.ready.eq(queue.w_rdy | ~wanted),
            self.kept.payload.eq(queue.r_data),
            self.kept.valid.eq(queue.r_rdy),
            queue.r_en.eq(self.kept.ready),
        ]
        return m


class StepCounter(wiring.Component):
    """Twin of golden's ``events``: passes events on and numbers the ends of steps; combinational.

    Events of value 0 and of an address that does not exist are dropped; the latter set ``error`` until a sample ends
    without one. An address must not come twice in a step, which is not checked: all widths that follow rest on it.
    """

    def __init__(self, network: Network):
        self.network = network
        super().__init__(
            {
                "sample": In(stream.Signature(sample_layout(network, 1))),
                "events": Out(stream.Signature(event_layout(network.inputs, network.encoder_value_range))),
                "error": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        sample, event = self.sample.payload, self.events.payload
        step, outside, faulty, wanted = Signal(address_width(self.network.num_steps)), Signal(), Signal(), Signal()
        last_step = step == self.network.num_steps - 1
        m.d.comb += [
            outside.eq(~sample.end & (sample.address >= self.network.inputs)),
            wanted.eq(sample.end | (sample.value.any() & ~outside)),
            event.mark.eq(Mux(sample.end, Mux(last_step, Mark.SAMPLE, Mark.STEP), Mark.EVENT)),
            event.address.eq(sample.address),
            event.value.eq(sample.value),
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


class Frames(wiring.Component):
    """Keeps whole samples and goes over each once a step, asking a rule which pixels fire.

    Takes a beat a cycle while a bank is free; an ill-framed sample is overwritten by the next. From the cycle after
    the last beat a word is read each cycle, ``num_steps`` times over all of them, and offered in the cycle after. The
    bank is free again when the last word of the last step has been read.
    """

    def __init__(self, network: Network, lanes: int, banks: int):
        self.network = network
        self.lanes = lanes
        self.banks = banks
        self.count = -(-network.inputs // lanes)
        super().__init__(
            {
                "beats": In(stream.Signature(framed_layout(network.inputs, lanes))),
                "words": Out(stream.Signature(word_layout(network.inputs, lanes, BINARY))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        beat, out = self.beats.payload, self.words.payload
        m.submodules.pixels = store = memory.Memory(
            shape=data.ArrayLayout(8, self.lanes), depth=self.banks * self.count, init=[]
        )
        m.submodules.rule = rule = RULES[self.network.encoder.kind](self.network, self.lanes, self.count)
        write, read = store.write_port(), store.read_port()
        filled, loaded, freed = Signal(range(self.banks + 1)), Signal(), Signal()
        into, bank = Signal(), Signal()
        index, step = Signal(address_width(self.count)), Signal(address_width(self.network.num_steps))
        busy, advance, reads = Signal(), Signal(), Signal()
        last_word, last_step = index == self.count - 1, step == self.network.num_steps - 1
        m.d.comb += [
            self.beats.ready.eq(filled != self.banks),
            write.en.eq(self.beats.valid & self.beats.ready),
            write.addr.eq(into * self.count + beat.index),
            write.data.eq(beat.pixels),
            loaded.eq(write.en & (beat.mark == Mark.SAMPLE)),
            advance.eq(~busy | self.words.ready),
            reads.eq(advance & (filled != 0)),
            freed.eq(reads & last_word & last_step),
            read.en.eq(reads),
            read.addr.eq(bank * self.count + index),
            self.words.valid.eq(busy),
            out.base.eq(rule.word * self.lanes),
            out.value.eq(rule.fires),
        ]
        m.d.sync += filled.eq(filled + loaded - freed)
        if self.banks == 2:
            m.d.sync += [into.eq(into ^ loaded), bank.eq(bank ^ freed)]
        with m.If(advance):
            m.d.sync += busy.eq(reads)
        with m.If(reads):
            m.d.sync += [
                index.eq(Mux(last_word, 0, index + 1)),
                rule.word.eq(index),
                rule.step.eq(step),
                out.mark.eq(Mux(last_word, Mux(last_step, Mark.SAMPLE, Mark.STEP), Mark.EVENT)),
            ]
            with m.If(last_word):
                m.d.sync += step.eq(Mux(last_step, 0, step + 1))
        m.d.comb += [
            rule.pixels.eq(read.data),
            rule.coming.eq(index),
            rule.reads.eq(reads),
            rule.taken.eq(busy & self.words.ready),
        ]
        return m


class Rule(wiring.Component):
    """Says which pixels of a word fire, combinational; state is kept where ``taken`` is 1.

    ``pixels`` are those of ``word`` at ``step``; where ``reads`` is 1, ``coming`` is the next cycle's word.
    """

    def __init__(self, network: Network, lanes: int, count: int):
        self.network = network
        self.lanes = lanes
        self.count = count
        super().__init__(
            {
                "reads": In(1),
                "coming": In(address_width(count)),
                "taken": In(1),
                "word": In(address_width(count)),
                "step": In(address_width(network.num_steps)),
                "pixels": In(data.ArrayLayout(8, lanes)),
                "fires": Out(lanes),
            }
        )


class IntegrateFire(Rule):
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
            acc = Mux(self.step == 0, 128, read.data[lane]) + self.pixels[lane]
            m.d.comb += Cat(write.data[lane], self.fires[lane]).eq(acc)
        return m


class BernoulliDraw(Rule):
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
            m.d.comb += self.fires[lane].eq(now & (self.pixels[lane] > encoder.threshold))
        return m


class LatencyRule(Rule):
    """Twin of golden's ``latency``: each pixel above 0 at one step, the brighter the earlier."""

    def elaborate(self, platform):
        m = Module()
        for lane in range(self.lanes):
            moment = (~self.pixels[lane] * self.network.num_steps)[8:]
            m.d.comb += self.fires[lane].eq((moment == self.step) & self.pixels[lane].any())
        return m


RULES = {
    "integrate_fire": IntegrateFire,
    "bernoulli": BernoulliDraw,
    "rate": RateRule,
    "latency": LatencyRule,
}


def lfsr_advance(m, state, times, name):
    """The register after ``times`` shifts to the right, as one layer of XORs: the map is linear over GF(2)."""
    columns = []
    for bit in range(32):
        column = 1 << bit
        for _ in range(times):
            column = (column >> 1) ^ (LFSR_MASK if column & 1 else 0)
        columns.append(column)
    result = Signal(32, name=name)
    for bit in range(32):
        m.d.comb += result[bit].eq(Cat(state[i] for i in range(32) if columns[i] >> bit & 1).xor())
    return result
