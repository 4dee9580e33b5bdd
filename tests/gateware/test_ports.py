# amaranth: UnusedElaboratable=no
# ruff: noqa: ERA001
"""Streams and taps as data, of a component that nobody has."""

from amaranth.hdl import Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from gateware.ports import streams_of, tap_of
from snnhw.interface import CommandInterface, PayloadField, Port, TapSignal

COMMAND = data.StructLayout({"kind": 2, "step": 3})
REPORT = data.StructLayout({"spikes": data.ArrayLayout(data.ArrayLayout(1, 2), 3), "membrane": signed(9)})


class Learner(wiring.Component):
    def __init__(self):
        super().__init__({"report": Out(stream.Signature(REPORT)), "command": In(stream.Signature(COMMAND))})


def test_streams_come_in_the_order_of_the_signature_with_their_direction_and_fields():
    report, command = streams_of(Learner())
    assert (report.name, report.direction, report.width) == ("report", "out", 15)
    assert (command.name, command.direction, command.width) == ("command", "in", 5)
    assert report.fields == (
        PayloadField(name="spikes", offset=0, width=1, count=6),
        PayloadField(name="membrane", offset=6, width=9, signed=True),
    )


def test_an_interface_finds_streams_by_name_and_lists_all_ports():
    tap = tap_of("units", "inner.units", REPORT, {"membrane": Signal(9, name="tap_membrane")})
    assert (tap.stage, tap.scope, tap.strobe) == ("units", "inner.units", "tap_strobe")
    assert tap.signals == (TapSignal(name="membrane", signal="tap_membrane", width=9, signed=True),)
    interface = CommandInterface(top="learner", streams=streams_of(Learner()), tap=tap)
    assert interface.stream("command").field("step").offset == 2
    assert interface.ports == [
        Port("clk", "input", 1),
        Port("rst", "input", 1),
        Port("report__valid", "output", 1),
        Port("report__ready", "input", 1),
        Port("report__payload", "output", 15),
        Port("command__valid", "input", 1),
        Port("command__ready", "output", 1),
        Port("command__payload", "input", 5),
    ]
