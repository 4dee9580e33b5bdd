"""New weights over a serial line: the contents of a frame on their way into a circuit that runs."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from gateware.frame import bits_layout
from gateware.weights import load_layout
from snnhw.frames import CHECK_BYTES

BYTES_HELD = CHECK_BYTES + 1
"""Of the latest ones: the checksum, which is no weight, and before it the last weight, which waits for the checksum."""


class Upload(wiring.Component):
    """Takes the bits of a frame behind its header: a digest, then an image of the weights that are of it.

    Bytes of the image, of which there are ``size``, are passed on as they come, the last one at the frame's end. If the
    frame is not good that byte ends the image all the same, and a second image follows at once that is too short
    whatever the first one was, or, where ``size`` is 1, too long: so the circuit is left without weights. ``finished``
    is 1 for a cycle after either, with ``good`` where the weights are ``loaded``. ``digest`` is that of the weights: a
    reset changes neither.
    """

    def __init__(self, digest: bytes, size: int):
        self.size = size
        self.initial_digest = int.from_bytes(digest, "little")
        self.digest_bits = 8 * len(digest)
        super().__init__(
            {
                "bits": In(stream.Signature(bits_layout())),
                "weights": Out(stream.Signature(load_layout())),
                "loaded": In(1),
                "finished": Out(1),
                "good": Out(1),
                "digest": Out(self.digest_bits),
            }
        )

    def elaborate(self, platform):
        m = Module()
        bits, item, weights = self.bits, self.bits.payload, self.weights
        held, whole, spoilt, passes = Signal(8 * BYTES_HELD), Signal(), Signal(), Signal()
        count = Signal(range(max(self.digest_bits, len(held) + 1)))
        digest = Signal(self.digest_bits, init=self.initial_digest, reset_less=True)
        m.d.comb += [
            self.digest.eq(digest),
            weights.payload.byte.eq(held[:8]),
            whole.eq(count == len(held)),
            passes.eq(whole & bits.valid & ~item.end),
        ]
        with m.FSM():
            with m.State("DIGEST"):
                m.d.comb += bits.ready.eq(1)
                with m.If(bits.valid):
                    m.d.sync += [digest.eq(Cat(digest[1:], item.bit)), count.eq(count + 1)]
                    with m.If(count == self.digest_bits - 1):
                        m.d.sync += count.eq(0)
                        m.next = "IMAGE"
                    with m.If(item.end):
                        m.d.sync += spoilt.eq(1)
                        m.next = "FINISH"
            with m.State("IMAGE"):
                m.d.comb += [weights.valid.eq(passes), bits.ready.eq(~passes | weights.ready)]
                with m.If(bits.valid & item.end):
                    m.d.sync += spoilt.eq(~item.good | ~whole)
                    m.next = "LAST"
                with m.Elif(bits.valid & bits.ready):
                    # What was passed on makes room for a byte, of which this is the first bit.
                    m.d.sync += [held.eq(Cat(held[1:], item.bit)), count.eq(Mux(whole, len(held) - 7, count + 1))]
            with m.State("LAST"):
                m.d.comb += [weights.valid.eq(1), weights.payload.last.eq(1)]
                with m.If(weights.ready):
                    m.next = "FINISH"
                    with m.If(spoilt):
                        m.next = "SPOIL"
            if self.size > 1:
                self._spoil(m, "SPOIL", "FINISH", last=1)
            else:
                self._spoil(m, "SPOIL", "LENGTHEN", last=0)
                self._spoil(m, "LENGTHEN", "FINISH", last=1)
            with m.State("FINISH"):
                m.d.comb += [self.finished.eq(1), self.good.eq(self.loaded & ~spoilt)]
                m.d.sync += count.eq(0)
                m.next = "DIGEST"
        return m

    def _spoil(self, m, state, after, last):
        """A state in which a byte of the image that spoils the weights goes out."""
        with m.State(state):
            m.d.comb += [self.weights.valid.eq(1), self.weights.payload.last.eq(last)]
            with m.If(self.weights.ready):
                m.next = after
