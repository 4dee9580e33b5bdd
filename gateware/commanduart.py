"""A circuit that does commands behind a serial line: its streams over one line each way. See docs/uart.md."""

from amaranth.hdl import Module, ResetInserter, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from gateware.beats import BeatReader, BeatWriter
from gateware.conversation import Contents, Conversation
from gateware.frame import FrameReceiver, FrameTransmitter
from gateware.serial import BitTime, Receiver, Transmitter
from gateware.window import Inbox, Outbox
from snnhw.commandshell import BUFFER_BYTES, command_identity, streams_in, streams_out
from snnhw.interface import CommandInterface


class CommandUartTop(wiring.Component):
    """A circuit of commands and the serial line to it: ``rx`` in, ``tx`` out, at ``baud`` with a clock of ``clock_hz``.

    ``busy`` while a command is being done or bytes wait for their stream, ``error`` from a frame that was not good to
    one that is: for LEDs. ``interface`` are the circuit's streams, ``digest`` says which circuit it is, ``depth`` are
    the bytes that wait in either direction.

    Raises DescriptionError for a baud that the clock is too slow for.
    """

    def __init__(
        self,
        circuit: wiring.Component,
        interface: CommandInterface,
        digest: str,
        *,
        clock_hz: int,
        baud: int,
        depth: int = BUFFER_BYTES,
    ):
        self.time = BitTime.of(clock_hz, baud)
        self.circuit = circuit
        self.reader = BeatReader(streams_in(interface))
        self.writer = BeatWriter(streams_out(interface))
        self.inbox = Inbox(depth)
        self.outbox = Outbox(depth)
        self.conversation = Conversation(command_identity(digest, depth), depth)
        super().__init__({"rx": In(1, init=1), "tx": Out(1, init=1), "busy": Out(1), "error": Out(1)})

    def elaborate(self, platform):
        m = Module()
        talk, inbox, outbox = self.conversation, self.inbox, self.outbox
        for name in ("circuit", "reader", "writer", "inbox", "outbox"):
            m.submodules[name] = ResetInserter(talk.reset)(getattr(self, name))
        m.submodules.receiver = receiver = Receiver(self.time)
        m.submodules.frames = frames = FrameReceiver()
        m.submodules.contents = contents = Contents()
        m.submodules.conversation = talk
        m.submodules.framer = framer = FrameTransmitter()
        m.submodules.transmitter = transmitter = Transmitter(self.time)
        wiring.connect(m, receiver.bytes, frames.bytes)
        wiring.connect(m, frames.bits, contents.bits)
        wiring.connect(m, contents.octets, talk.octets)
        wiring.connect(m, inbox.bytes, self.reader.bytes)
        wiring.connect(m, self.writer.bytes, outbox.bytes)
        wiring.connect(m, talk.answer, framer.octets)
        wiring.connect(m, framer.bytes, transmitter.bytes)
        for port in self.reader.ports:
            join(m, getattr(self.reader, port.name), getattr(self.circuit, port.name))
        for port in self.writer.ports:
            join(m, getattr(self.circuit, port.name), getattr(self.writer, port.name))
        m.d.comb += [
            receiver.rx.eq(self.rx),
            self.tx.eq(transmitter.tx),
            *(getattr(inbox, name).eq(getattr(talk, name)) for name in ("write", "keep", "drop", "byte")),
            *(getattr(outbox, name).eq(getattr(talk, name)) for name in ("release", "until", "index")),
            talk.position.eq(inbox.position),
            talk.start.eq(outbox.start),
            talk.count.eq(outbox.count),
            talk.stored.eq(outbox.byte),
            self.busy.eq(~self.circuit.command.ready | inbox.bytes.valid),
            self.error.eq(talk.error),
        ]
        return m


def join(m, source, sink) -> None:
    """Connect two streams whose payloads have the same bits, with names or without."""
    m.d.comb += [
        sink.valid.eq(source.valid),
        source.ready.eq(sink.ready),
        Value.cast(sink.payload).eq(Value.cast(source.payload)),
    ]
