"""What the outside sees of a circuit: its ports and its verification taps, as data.

``gateware.ports`` makes it; simulators, test benches and the JSON beside the Verilog read it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict

EVENT, STEP, SAMPLE, ABORT = range(4)
"""What marks a transfer of events: none, the end of a time step, of a sample, of one that was ill-framed."""


COUNT_BITS = 32
"""Of what a circuit counts; it begins at 0 again after the highest number."""


class Port(NamedTuple):
    """A port of the Verilog module: ``direction`` is ``input`` or ``output``, ``width`` in bits."""

    name: str
    direction: Literal["input", "output"]
    width: int


class PayloadField(BaseModel):
    """``count`` numbers of ``width`` bits each, lane 0 lowest, from bit ``offset`` of a packed payload."""

    model_config = ConfigDict(frozen=True)

    name: str
    offset: int
    width: int
    count: int = 1
    signed: bool = False


class StreamPort(BaseModel):
    """A stream of the top module: ports ``NAME__valid``, ``NAME__ready``, ``NAME__payload``.

    A transfer happens in a cycle with valid and ready; valid and payload hold until then.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    direction: str
    width: int
    fields: tuple[PayloadField, ...]

    def field(self, name: str) -> PayloadField:
        """The field of that name."""
        return next(field for field in self.fields if field.name == name)

    @property
    def ports(self) -> list[Port]:
        """The stream's three ports."""
        inward = self.direction == "in"
        return [
            Port(f"{self.name}__valid", "input" if inward else "output", 1),
            Port(f"{self.name}__ready", "output" if inward else "input", 1),
            Port(f"{self.name}__payload", "input" if inward else "output", self.width),
        ]


class TapSignal(BaseModel):
    """A signal ``signal`` in a tap's scope: ``count`` numbers of ``width`` bits, lane 0 lowest, and in it step 0."""

    model_config = ConfigDict(frozen=True)

    name: str
    signal: str
    width: int
    count: int = 1
    signed: bool = False


class Tap(BaseModel):
    """Signals to be sampled at each clock edge at which ``strobe`` is 1.

    ``scope`` is the path of instances below the top module, joined by dots. A layer's tap shows one word of neurons a
    time, in order, ``order[word][lane]`` being the neuron (None: empty lane): each word once a step, or, where
    ``steps`` is the number of time steps, once with all its steps, of which each lane then holds as many numbers. The
    encoder's tap shows one transfer of its stream a time and has an empty ``order``.
    """

    model_config = ConfigDict(frozen=True)

    stage: str
    scope: str
    strobe: str
    signals: tuple[TapSignal, ...]
    order: tuple[tuple[int | None, ...], ...] = ()
    steps: int = 1


class Interface(BaseModel):
    """The circuit's name, ports (beside ``clk``, ``rst`` and ``error``) and taps.

    ``error`` is 1 from a sample that ``last`` framed wrongly until the next good one has been taken in; of an input of
    events, from an event of an address that does not exist, which is dropped, until a sample ends without one.
    """

    model_config = ConfigDict(frozen=True)

    top: str
    sample: StreamPort
    result: StreamPort
    weights: StreamPort | None = None
    counts: tuple[str, ...] = ()
    """Ports of `COUNT_BITS` bits with what the encoder counts of its input."""
    taps: tuple[Tap, ...]


class CommandInterface(BaseModel):
    """A circuit that does one command after the other: its name, its streams (beside ``clk`` and ``rst``), its tap.

    One of the streams is ``command``, which is ready when the circuit is done with the command before. ``beats`` has
    the transfers that a command which uses a stream takes from it or gives to it, where they are more than one.
    """

    model_config = ConfigDict(frozen=True)

    top: str
    streams: tuple[StreamPort, ...]
    tap: Tap
    beats: dict[str, int] = {}

    def stream(self, name: str) -> StreamPort:
        """The stream of that name."""
        return next(port for port in self.streams if port.name == name)

    @property
    def ports(self) -> list[Port]:
        """All ports of the top module."""
        return clocked_ports(self.streams)


def clocked_ports(streams: Iterable[StreamPort]) -> list[Port]:
    """``clk``, ``rst`` and the ports of the streams."""
    return [Port("clk", "input", 1), Port("rst", "input", 1), *(port for stream in streams for port in stream.ports)]
