"""The way in for pixels: beats counted, samples kept for as many passes as they need, words queued.

Without a twin: nothing here knows what an encoder makes of a pixel. That is in ``gateware/encoder.py``.
"""

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from gateware.stream import Mark, beat_layout, word_layout
from snnhw.implementation import address_width, queue_depth
from snnhw.network import Network, Range

BINARY = Range(lo=0, hi=1)


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


class Rule(wiring.Component):
    """Says which pixels of a word fire, combinational; state is kept where ``taken`` is 1.

    ``pixels`` are those of ``word``, one of ``count``, at ``step``. Where ``reads`` is 1, ``coming`` is the word of the
    next cycle.
    """

    def __init__(self, network: Network, lanes: int):
        self.network = network
        self.lanes = lanes
        self.count = count = -(-network.inputs // lanes)
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


class Frames(wiring.Component):
    """Keeps whole samples and goes over each once a step, asking ``rule`` which pixels fire.

    Takes a beat a cycle while a bank is free; an ill-framed sample is overwritten by the next. From the cycle after
    the last beat a word is read each cycle, ``num_steps`` times over all of them, and offered in the cycle after. The
    bank is free again when the last word of the last step has been read.
    """

    def __init__(self, rule: Rule, banks: int):
        self.rule = rule
        self.network = network = rule.network
        self.lanes = lanes = rule.lanes
        self.count = rule.count
        self.banks = banks
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
        m.submodules.rule = rule = self.rule
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
            out.filled.eq(rule.fires),
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


class WordQueue(wiring.Component):
    """Words in block RAM, ``depth`` of them or a few more; those with neither event nor mark are dropped, full or not.

    A word that enters an empty queue can leave 3 cycles later; one a cycle in and out. ``early``, for a sender that
    passes ready on: it comes from a register, and while the queue is full every word waits, whatever is in it.
    """

    def __init__(self, inputs: int, lanes: int, values: Range, depth: int, early: bool = False):
        self.depth = queue_depth(depth)
        self.early = early
        self.binary = values == BINARY
        layout = word_layout(inputs, lanes, values)
        super().__init__({"words": In(stream.Signature(layout)), "kept": Out(stream.Signature(layout))})

    def elaborate(self, platform):
        m = Module()
        word = self.words.payload
        # Of values that are 0 or 1 there is no need to keep which are not 0.
        kept = [name for name in word.shape().members if not (self.binary and name == "filled")]
        shape = data.StructLayout({name: word.shape().members[name] for name in kept})
        m.submodules.storage = store = memory.Memory(
            shape=shape, depth=self.depth, init=[], attrs={"ram_style": "block"}
        )
        write, read = store.write_port(), store.read_port()
        written, fetched = Signal(range(2 * self.depth)), Signal(range(2 * self.depth))
        full, there, wanted, moves = Signal(), Signal(), Signal(), Signal()
        if not self.early:
            m.d.comb += full.eq((written ^ fetched) == self.depth)
        m.d.comb += [
            wanted.eq(word.filled.any() | (word.mark != Mark.EVENT)),
            self.words.ready.eq(~full if self.early else ~full | ~wanted),
            write.en.eq(self.words.valid & wanted & ~full),
            write.addr.eq(written[:-1]),
            *(Value.cast(write.data[name]).eq(Value.cast(word[name])) for name in kept),
            moves.eq(~self.kept.valid | self.kept.ready),
            read.en.eq((written != fetched) & (moves | ~there)),
            read.addr.eq(fetched[:-1]),
        ]
        if self.early:
            fills = write.en & (((written + 1)[:-1] ^ fetched) == self.depth)
            m.d.sync += full.eq(~read.en & (full | fills))
        with m.If(write.en):
            m.d.sync += written.eq(written + 1)
        with m.If(read.en):
            m.d.sync += fetched.eq(fetched + 1)
        with m.If(moves | ~there):
            m.d.sync += there.eq(read.en)
        # What block RAM gives comes late in a cycle: a register lets the next block begin early.
        with m.If(moves):
            m.d.sync += self.kept.valid.eq(there)
            m.d.sync += [Value.cast(self.kept.payload[name]).eq(Value.cast(read.data[name])) for name in kept]
        if self.binary:
            m.d.comb += self.kept.payload.filled.eq(self.kept.payload.value.as_value())
        return m
