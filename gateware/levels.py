"""What goes through the whole array beside the ticks: loading, dumping, refreshing.

Twin of ``load``, ``read`` and ``refresh`` of ``golden/differential.py``.
"""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import fifo, stream, wiring
from amaranth.lib.wiring import In, Out

from gateware.differential import Mode, levels_layout, request_layout
from snnhw.implementation import address_width
from snnhw.srbm.grid import Grid

WAITING = 16
"""Synapses of a dump that may wait for their consumer: more than are on their way through the array."""


class Transfer(wiring.Component):
    """Loads or dumps every synapse, row by row.

    ``load`` or ``dump`` starts it, ``done`` is 1 when it is not at work. A load takes a synapse a cycle from
    ``levels_in``; a dump sends as many to ``levels_out``, of the array's replies (``valid``, ``levels``).
    """

    def __init__(self, grid: Grid):
        self.grid = grid
        levels = levels_layout(grid.machine.synapse)
        super().__init__(
            {
                "load": In(1),
                "dump": In(1),
                "done": Out(1),
                "levels_in": In(stream.Signature(levels)),
                "levels_out": Out(stream.Signature(levels)),
                "requests": Out(stream.Signature(request_layout(grid))),
                "valid": In(1),
                "levels": In(levels),
            }
        )

    def elaborate(self, platform):
        m = Module()
        machine, lane_bits = self.grid.machine, self.grid.lanes.bit_length() - 1
        row, column = Signal(address_width(machine.rows)), Signal(address_width(machine.columns))
        asking, dumping, room = Signal(), Signal(), Signal(range(WAITING + 1), init=WAITING)
        request, taken = self.requests.payload, self.requests.valid & self.requests.ready
        m.submodules.queue = queue = fifo.SyncFIFOBuffered(width=len(self.levels.as_value()), depth=WAITING)
        sent = self.levels_out.valid & self.levels_out.ready
        m.d.comb += [
            request.mode.eq(Mux(dumping, Mode.READ, Mode.WRITE)),
            request.row_word.eq(row[lane_bits:]),
            request.offset.eq(row[:lane_bits]),
            request.column_word.eq(column[lane_bits:]),
            request.mask.eq(1 << column[:lane_bits]),
            request.levels.eq(self.levels_in.payload),
            self.requests.valid.eq(asking & Mux(dumping, room.any(), self.levels_in.valid)),
            self.levels_in.ready.eq(asking & ~dumping & self.requests.ready),
            queue.w_en.eq(dumping & self.valid & ~self.done),
            queue.w_data.eq(self.levels),
            self.levels_out.valid.eq(queue.r_rdy),
            self.levels_out.payload.eq(queue.r_data),
            queue.r_en.eq(self.levels_out.ready),
            self.done.eq(~asking & (room == WAITING)),
        ]
        m.d.sync += room.eq(room + sent - (taken & dumping))
        with m.If(self.load | self.dump):
            m.d.sync += [asking.eq(1), dumping.eq(self.dump), row.eq(0), column.eq(0)]
        with m.Elif(taken):
            m.d.sync += column.eq(column + 1)
            with m.If(column == machine.columns - 1):
                m.d.sync += [column.eq(0), row.eq(row + 1), asking.eq(row != machine.rows - 1)]
        return m


class Refresh(wiring.Component):
    """Refreshes the next ``refresh_rows`` rows in rotation after each ``start``; ``done`` when it is not at work.

    ``row`` is the next one, which ``set`` changes to ``new_row``.
    """

    def __init__(self, grid: Grid):
        self.grid = grid
        row = address_width(grid.machine.rows)
        super().__init__(
            {
                "set": In(1),
                "new_row": In(row),
                "start": In(1),
                "done": Out(1),
                "row": Out(row),
                "requests": Out(stream.Signature(request_layout(grid))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        grid, request, lane_bits = self.grid, self.requests.payload, self.grid.lanes.bit_length() - 1
        rows = grid.machine.synapse.refresh_rows
        left, column_word = Signal(range(rows + 1)), Signal(address_width(grid.column_words))
        m.d.comb += [
            self.done.eq(left == 0),
            self.requests.valid.eq(left != 0),
            request.mode.eq(Mode.REFRESH),
            request.row_word.eq(self.row[lane_bits:]),
            request.offset.eq(self.row[:lane_bits]),
            request.column_word.eq(column_word),
            request.mask.eq(~0),
        ]
        with m.If(self.set):
            m.d.sync += self.row.eq(self.new_row)
        with m.Elif(self.start):
            m.d.sync += left.eq(rows)
        with m.Elif(self.requests.valid & self.requests.ready):
            m.d.sync += column_word.eq(column_word + 1)
            with m.If(column_word == grid.column_words - 1):
                m.d.sync += [column_word.eq(0), left.eq(left - 1)]
                m.d.sync += self.row.eq(Mux(self.row == grid.machine.rows - 1, 0, self.row + 1))
        return m
