"""Commands over named streams, on a circuit written by hand that is neither a network nor a spiking RBM."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from snnhw.commands import Command
from snnhw.emission import EmittedCircuit
from snnhw.errors import ToolError
from snnhw.interface import CommandInterface, PayloadField, StreamPort, Tap, TapSignal
from snnhw.payloads import pack_fields
from snnhw.simulate import commands
from snnhw.simulate.commands import CommandCircuit
from snnhw.simulate.library import CompiledCircuit, Library
from snnhw.simulate.simulation import Stall
from snnhw.simulate.taps import unpack_field

VERILOG = """
module learner (
    input clk, input rst,
    input command__valid, output command__ready, input [5:0] command__payload,
    input weights_in__valid, output weights_in__ready, input [3:0] weights_in__payload,
    output result__valid, input result__ready, output [39:0] result__payload
);
    // ADD takes a weight and gives the new sum; HANG ends nothing.
    reg [1:0] state = 0;
    reg signed [31:0] sum = 0;
    reg signed [4:0] value = 0;
    reg [7:0] count = 0;
    assign command__ready = state == 0;
    assign weights_in__ready = state == 1;
    assign result__valid = state == 2;
    assign result__payload = {count, sum};
    wire signed [3:0] weight = weights_in__payload;
    wire tap_strobe = weights_in__valid && weights_in__ready;
    wire [31:0] tap_sum = sum + value + weight;
    always @(posedge clk)
        if (rst) state <= 0;
        else if (command__valid && command__ready) begin
            state <= command__payload[0] ? 2'd3 : 2'd1;
            value <= command__payload[5:1];
        end else if (tap_strobe) begin
            state <= 2;
            sum <= tap_sum;
            count <= count + 8'd1;
        end else if (result__valid && result__ready) state <= 0;
endmodule
"""


def stream(name: str, direction: str, **fields: int) -> StreamPort:
    """A stream whose fields have those widths; negative ones are signed."""
    laid_out, offset = [], 0
    for member, width in fields.items():
        laid_out.append(PayloadField(name=member, offset=offset, width=abs(width), signed=width < 0))
        offset += abs(width)
    return StreamPort(name=name, direction=direction, width=offset, fields=tuple(laid_out))


INTERFACE = CommandInterface(
    top="learner",
    streams=(
        stream("result", "out", sum=-32, count=8),
        stream("command", "in", kind=1, value=-5),
        stream("weights_in", "in", weight=-4),
    ),
    tap=Tap(
        stage="units",
        scope="",
        strobe="tap_strobe",
        signals=(TapSignal(name="sum", signal="tap_sum", width=32, signed=True),),
    ),
)
HANG = 1

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def library() -> Library:
    return commands.build(EmittedCircuit(VERILOG, INTERFACE, ""), INTERFACE, optimise=False)


def add(circuit: CommandCircuit, value: int, weight: int) -> bool:
    return circuit.give(Command("ADD", {"value": value}, {"result": 1}, {"weights_in": {"weight": np.array([weight])}}))


@pytest.mark.parametrize("stall", [None, Stall(seed=1, source=250, sink=0), Stall(seed=2, source=0, sink=250)])
def test_streams_are_found_by_name_whatever_their_order_and_stalls(library: Library, stall: Stall | None):
    with CommandCircuit(library, INTERFACE, 100_000, stall) as circuit:
        assert not add(circuit, 3, -8)
        assert not add(circuit, -16, 7)
        assert {name: values[:, 0].tolist() for name, values in circuit.fields("result").items()} == {
            "sum": [-5, -14],
            "count": [1, 2],
        }
        assert circuit.tapped()["sum"][:, 0].tolist() == [-5, -14]
        (begun, sent), (ended, _) = circuit.transfers("command"), circuit.transfers("result")
        assert sent[:, 0].tolist() == [3 << 1, (-16 & 31) << 1]
        assert len(begun) == len(ended) == 2
        assert (begun[0] == 0 and (ended - begun == 2).all()) == (stall is None)


@pytest.mark.parametrize("value", [-17, 16])
def test_a_number_that_its_field_cannot_hold_is_refused(value: int):
    with pytest.raises(ValueError, match=rf"^field 'value' of stream 'command' must lie in -16\.\.15, not in {value}"):
        pack_fields(INTERFACE.stream("command"), {"kind": np.array([0]), "value": np.array([value])})


def test_fields_of_several_lanes_are_packed_lane_by_lane():
    weight = PayloadField(name="weight", offset=0, width=12, count=4, signed=True)
    port = StreamPort(name="words", direction="in", width=48, fields=(weight,))
    numbers = np.array([[1, -2, 3, -2048], [2047, 0, -1, 5]])
    assert unpack_field(weight, pack_fields(port, {"weight": numbers})).tolist() == numbers.tolist()


def test_what_was_cleared_does_not_come_again(library: Library):
    with CommandCircuit(library, INTERFACE, 100) as circuit:
        add(circuit, 1, 1)
        circuit.clear()
        add(circuit, 1, 1)
        assert circuit.fields("result")["sum"].tolist() == circuit.tapped()["sum"].tolist() == [[4]]
        assert [len(circuit.transfers(name)[0]) for name in ("result", "command", "weights_in")] == [1, 1, 1]


def test_a_command_that_never_ends_is_stuck_after_its_patience(library: Library):
    with CommandCircuit(library, INTERFACE, 100) as circuit:
        assert circuit.give(Command("HANG", {"kind": HANG}, {}, {}))
        begun, _ = circuit.transfers("command")
        assert circuit.cycle - int(begun[0]) == 101


def test_a_stream_that_is_not_there_is_named(library: Library):
    streams = (*INTERFACE.streams, stream("weights_out", "out", weight=-4))
    with pytest.raises(ToolError, match=r"^stream 'weights_out': the circuit has no port weights_out__valid$"):
        CommandCircuit(library, INTERFACE.model_copy(update={"streams": streams}), 100)


def test_a_tap_that_is_not_there_is_named(library: Library):
    tap = INTERFACE.tap.model_copy(update={"strobe": "tap_stroke"})
    with pytest.raises(ToolError, match=r"^tap of stage 'units': the circuit has no signal TOP\.learner\.tap_stroke$"):
        CommandCircuit(library, INTERFACE.model_copy(update={"tap": tap}), 100)


def test_a_library_that_cannot_be_loaded_is_named(tmp_path: Path):
    (tmp_path / "circuit.so").write_bytes(b"no library")
    with pytest.raises(ToolError, match=r"^cannot load the compiled circuit: .*; remove .* and try again$"):
        CompiledCircuit(Library(tmp_path / "circuit.so"), {})
