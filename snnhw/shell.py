"""What surrounds the circuit of a network: nothing, AXI, a UART or a camera's port. As data: ports, registers, bytes.

The circuit of a network is the same in every shell. ``gateware/axi.py``, ``gateware/uart.py`` and ``gateware/aer.py``
build from what stands here; the Verilog's header, the JSON beside it and host programs read it. ``docs/interfaces.md``
says it in words.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from snnhw.errors import DescriptionError
from snnhw.interface import COUNT_BITS, CommandInterface, Interface, PayloadField, Port, clocked_ports
from snnhw.kinds import Frozen
from snnhw.network import Network

CIRCUIT = "circuit"
"""The instance of the network's circuit in the top module of a shell that is more than nothing."""

LEAST_CYCLES_PER_BIT = 8
"""Clock cycles that a bit on the line must at least take, so that a receiver finds its middle."""


class Packet(BaseModel):
    """A sample or a result as ``size`` bytes, the first of them bits 0 to 7 of ``fields``: little-endian throughout.

    ``repeated``: the packet is one of as many as there are events and ends of steps in a sample.
    """

    model_config = ConfigDict(frozen=True)

    size: int
    repeated: bool = False
    fields: tuple[PayloadField, ...]


class StreamShell(Frozen):
    """Nothing: the circuit's own streams are the ports of the top module."""

    kind: Literal["stream"] = "stream"

    def ports(self, interface: Interface) -> list[Port]:
        """All ports of the top module."""
        loads = [interface.weights] if interface.weights else []
        listed = clocked_ports([interface.sample, interface.result, *loads])
        counts = (Port(name, "output", COUNT_BITS) for name in interface.counts)
        return [*listed, Port("error", "output", 1), *counts, *(Port("loaded", "output", 1) for _ in loads)]


class AxiShell(Frozen):
    """AXI4-Stream in and out, ``tdata`` bits wide, and AXI4-Lite for registers."""

    kind: Literal["axi"] = "axi"
    tdata: Literal[8, 32, 64] = 32

    def ports(self, interface: Interface) -> list[Port]:
        """All ports of the top module: the same for every network, but for those of weights that can be loaded."""
        loads = _stream_ports("s_axis_weights", "input", 8, keep=False) if interface.weights else []
        return [
            Port("aclk", "input", 1),
            Port("aresetn", "input", 1),
            *_stream_ports("s_axis", "input", self.tdata),
            *_stream_ports("m_axis", "output", self.tdata),
            *loads,
            *LITE_PORTS,
        ]


class UartShell(Frozen):
    """One serial line each way, 8 bits, no parity, one stop bit, at ``baud`` with a clock of ``clock_hz``."""

    kind: Literal["uart"] = "uart"
    baud: int = Field(default=115_200, ge=1)
    clock_hz: int = Field(ge=1)

    @model_validator(mode="after")
    def _slow_enough(self) -> UartShell:
        if self.clock_hz < LEAST_CYCLES_PER_BIT * self.baud:
            raise ValueError(
                f"a baud of {self.baud} needs a clock of at least {LEAST_CYCLES_PER_BIT * self.baud} Hz, "
                f"not {self.clock_hz}"
            )
        return self

    def ports(self, interface: Interface | CommandInterface) -> list[Port]:
        """All ports of the top module; the same for every circuit."""
        inputs = [Port(name, "input", 1) for name in ("clk", "rst", "rx")]
        return [*inputs, *(Port(name, "output", 1) for name in ("tx", "busy", "error"))]


class AerShell(Frozen):
    """A camera's events by four-phase handshake, in bins of ``bin_cycles`` or, where that is 0, that a pin cuts.

    For networks with the encoder `AddressEvents`; results leave by the circuit's own stream.
    """

    kind: Literal["aer"] = "aer"
    bin_cycles: int = Field(default=0, ge=0, lt=1 << 32)

    def ports(self, interface: Interface) -> list[Port]:
        """All ports of the top module."""
        places = [field for field in interface.sample.fields if field.name != "end"]
        return [
            *clocked_ports([interface.result]),
            Port("aer_request", "input", 1),
            *(Port(f"aer_{field.name}", "input", field.width) for field in places),
            Port("aer_acknowledge", "output", 1),
            *([] if self.bin_cycles else [Port("bin_end", "input", 1)]),
            Port("error", "output", 1),
            *(Port(name, "output", COUNT_BITS) for name in interface.counts),
        ]


Shell = Annotated[StreamShell | AxiShell | UartShell | AerShell, Field(discriminator="kind")]

PLAIN = StreamShell()
"""The shell of a circuit of which nothing else is said."""


def sample_packet(network: Network, interface: Interface) -> Packet:
    """A sample's bytes: its pixels in raster order; where the input is events, one event or end of a step.

    An event takes 1, 2 or 4 bytes, with the fields that the circuit's stream has, at their places.
    """
    if network.encoder.takes_events:
        return Packet(size=_whole(interface.sample.width), repeated=True, fields=interface.sample.fields)
    pixels = PayloadField(name="pixels", offset=0, width=8, count=network.inputs)
    return Packet(size=network.inputs, fields=(pixels,))


def pixel_bits(network: Network) -> int:
    """The bits of a pixel in a request over a UART: those that the encoder looks at, rounded up to 1, 2, 4 or 8.

    Raises DescriptionError where the network's input is no pixels.
    """
    if network.encoder.takes_events:
        raise DescriptionError(
            "a network whose input is events cannot be reached over a UART: use --interface stream or axi"
        )
    return 1 << (network.encoder.pixel_bits - 1).bit_length()


def request_packet(network: Network) -> Packet:
    """The pixels of a request over a UART: of each the highest bits, `pixel_bits`; the packet is of whole bytes."""
    pixels = PayloadField(name="pixels", offset=0, width=pixel_bits(network), count=network.inputs)
    return Packet(size=-(-pixels.width * pixels.count // 8), fields=(pixels,))


def result_packet(interface: Interface) -> Packet:
    """A result's bytes: the class, then every score, each number in the least of 1, 2, 4 and 8 bytes that holds it.

    What is wider in bytes than in the circuit is extended by its sign, or by zeros where it has none.
    """
    fields, offset = [], 0
    for field in interface.result.fields:
        width = 8 * _whole(field.width)
        fields.append(field.model_copy(update={"offset": offset, "width": width}))
        offset += width * field.count
    return Packet(size=offset // 8, fields=tuple(fields))


def _whole(bits: int) -> int:
    """The bytes that hold so many bits: a power of two, as numbers in memory have."""
    size = 1
    while 8 * size < bits:
        size *= 2
    return size


class RegisterField(BaseModel):
    """Bits ``lowest`` to ``lowest + width - 1`` of a register."""

    model_config = ConfigDict(frozen=True)

    name: str
    lowest: int
    width: int
    meaning: str


class Register(BaseModel):
    """A register of 32 bits at ``address`` (in bytes), or ``count`` of them one after the other.

    ``access``: ``read`` (a write is answered by SLVERR), ``write`` (reads as 0), ``read_write``, or ``clear``: a 1 that
    is written clears its bit.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    address: int
    access: Literal["read", "write", "read_write", "clear"]
    meaning: str
    count: int = 1
    fields: tuple[RegisterField, ...] = ()


IDENTITY = 0x534E4E48
"""What the first register reads as: SNNH in ASCII."""

REGISTERS_VERSION = 1
"""Of the registers; it changes when one of them changes its place or its meaning."""

REGISTERS: tuple[Register, ...] = (
    Register(name="identity", address=0x00, access="read", meaning=f"0x{IDENTITY:08X}: SNNH in ASCII"),
    Register(name="version", address=0x04, access="read", meaning=f"{REGISTERS_VERSION}: of these registers"),
    Register(
        name="control",
        address=0x08,
        access="write",
        meaning="what is to be done",
        fields=(RegisterField(name="reset", lowest=0, width=1, meaning="1: a soft reset, once"),),
    ),
    Register(
        name="status",
        address=0x0C,
        access="clear",
        meaning="state, and flags that stay until they are cleared",
        fields=(
            RegisterField(name="busy", lowest=0, width=1, meaning="a sample is on its way in, through or out"),
            RegisterField(name="empty", lowest=1, width=1, meaning="weights are still to be loaded: samples wait"),
            RegisterField(name="short", lowest=8, width=1, meaning="TLAST came before the sample's last byte"),
            RegisterField(name="long", lowest=9, width=1, meaning="TLAST did not come with the sample's last byte"),
            RegisterField(name="keep", lowest=10, width=1, meaning="TKEEP had a gap, or was not full before TLAST"),
            RegisterField(name="address", lowest=11, width=1, meaning="an event had an address that does not exist"),
        ),
    ),
    Register(name="samples", address=0x10, access="read", meaning="samples taken in whole"),
    Register(name="results", address=0x14, access="read", meaning="results given to the output"),
    Register(
        name="dropped",
        address=0x18,
        access="read",
        meaning="packets that raised a flag of status; events that raised address",
    ),
    Register(
        name="latency",
        address=0x1C,
        access="read",
        meaning="cycles from a sample's first word, or event, to its result, of the last sample that found all idle",
    ),
    Register(name="interval", address=0x20, access="read", meaning="cycles between the last two results"),
    Register(name="scratch", address=0x24, access="read_write", meaning="keeps what is written"),
    Register(name="sample_bytes", address=0x28, access="read", meaning="bytes of a sample, or of an event"),
    Register(name="result_bytes", address=0x2C, access="read", meaning="bytes of a result"),
    Register(
        name="digest",
        address=0x40,
        access="read",
        count=8,
        meaning="the model's SHA-256: eight digits each, the first in the first register",
    ),
)
"""The registers behind AXI4-Lite of every circuit; what lies between them is answered by SLVERR, see `COUNTED`."""


COUNTED: tuple[Register, ...] = (
    Register(name="doubles", address=0x30, access="read", meaning="events dropped as one too many of their input"),
    Register(name="outside", address=0x34, access="read", meaning="events dropped because they name no input"),
)
"""Registers of what an encoder can count of its input, each only where it does."""


def registers_of(interface: Interface) -> tuple[Register, ...]:
    """The registers of a circuit, in the order of their addresses."""
    counted = [register for register in COUNTED if register.name in interface.counts]
    return tuple(sorted([*REGISTERS, *counted], key=lambda register: register.address))


def digest_words(digest: str) -> list[int]:
    """What the registers of a digest read as, which is given in hexadecimal."""
    return [int(digest[start : start + 8], 16) for start in range(0, len(digest), 8)]


REGISTER_ADDRESS_BITS = 12
"""Of the AXI4-Lite port: the 4 KiB that interconnects give a slave at least."""


def _stream_ports(name: str, direction: Literal["input", "output"], tdata: int, *, keep: bool = True) -> list[Port]:
    """An AXI4-Stream whose data go in ``direction``, with TKEEP or without."""
    back: Literal["input", "output"] = "output" if direction == "input" else "input"
    return [
        Port(f"{name}_tdata", direction, tdata),
        *([Port(f"{name}_tkeep", direction, tdata // 8)] if keep else []),
        Port(f"{name}_tlast", direction, 1),
        Port(f"{name}_tvalid", direction, 1),
        Port(f"{name}_tready", back, 1),
    ]


LITE_PORTS = (
    Port("s_axi_awaddr", "input", REGISTER_ADDRESS_BITS),
    Port("s_axi_awprot", "input", 3),
    Port("s_axi_awvalid", "input", 1),
    Port("s_axi_awready", "output", 1),
    Port("s_axi_wdata", "input", 32),
    Port("s_axi_wstrb", "input", 4),
    Port("s_axi_wvalid", "input", 1),
    Port("s_axi_wready", "output", 1),
    Port("s_axi_bresp", "output", 2),
    Port("s_axi_bvalid", "output", 1),
    Port("s_axi_bready", "input", 1),
    Port("s_axi_araddr", "input", REGISTER_ADDRESS_BITS),
    Port("s_axi_arprot", "input", 3),
    Port("s_axi_arvalid", "input", 1),
    Port("s_axi_arready", "output", 1),
    Port("s_axi_rdata", "output", 32),
    Port("s_axi_rresp", "output", 2),
    Port("s_axi_rvalid", "output", 1),
    Port("s_axi_rready", "input", 1),
)
"""The AXI4-Lite slave's."""
