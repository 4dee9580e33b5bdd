"""The harness itself: it counts cycles, and notices what breaks the rules of streams, or stops."""

import pytest
from amaranth.hdl import Module, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from tests.gateware.harness import Stall, Watch, pack, simulate, unpack

WAITING = Stall(sink=0.6, seed=1)


class Pipe(wiring.Component):
    """A register that obeys the rules of streams; what is derived from it does not."""

    def __init__(self):
        super().__init__({"words": In(stream.Signature(8)), "out": Out(stream.Signature(8)), "error": Out(1)})

    def elaborate(self, platform):
        m = Module()
        room = Signal()
        m.d.comb += [room.eq(~self.out.valid | self.out.ready), self.words.ready.eq(room)]
        with m.If(room):
            m.d.sync += [self.out.valid.eq(self.words.valid), self.out.payload.eq(self.words.payload)]
        self.spoil(m)
        return m

    def spoil(self, m):
        """Break a rule."""


class Deaf(Pipe):
    """Stops taking in after the word 3."""

    def spoil(self, m):
        heard = Signal()
        with m.If(heard):
            m.d.comb += self.words.ready.eq(0)
            m.d.sync += self.out.valid.eq(0)
        with m.Elif(self.words.valid & self.words.ready & (self.words.payload == 3)):
            m.d.sync += heard.eq(1)


class Fickle(Pipe):
    """Changes a word that waits."""

    def spoil(self, m):
        with m.If(self.out.valid & ~self.out.ready):
            m.d.sync += self.out.payload.eq(self.out.payload + 1)


class Withdrawing(Pipe):
    """Takes an offer back."""

    def spoil(self, m):
        with m.If(self.out.valid & ~self.out.ready):
            m.d.sync += self.out.valid.eq(0)


class Dependent(wiring.Component):
    """Offers only to a sink that is ready."""

    def __init__(self):
        super().__init__({"words": In(stream.Signature(8)), "out": Out(stream.Signature(8))})

    def elaborate(self, platform):
        m = Module()
        m.d.comb += [
            self.out.valid.eq(self.words.valid & self.out.ready),
            self.out.payload.eq(self.words.payload),
            self.words.ready.eq(self.out.ready),
        ]
        return m


class WaitingForReady(Pipe):
    """Offers from the cycle after one with ready on."""

    def spoil(self, m):
        seen = Signal()
        m.d.sync += seen.eq(seen | self.out.ready)
        with m.If(~seen):
            m.d.comb += self.words.ready.eq(0)
            m.d.sync += self.out.valid.eq(0)


class Endless(Pipe):
    """Goes on offering for ever."""

    def spoil(self, m):
        m.d.sync += self.out.valid.eq(1)


def test_what_goes_in_comes_out_with_its_cycles():
    run = simulate(Pipe(), {"words": [7, 8, 9]})
    assert run.payloads("out") == [7, 8, 9]
    assert run.taken("words") == [0, 1, 2]
    assert run.taken("out") == run.offered("out") == [1, 2, 3]
    assert set(run.ports["error"]) == {0}


@pytest.mark.parametrize("stall", [Stall(0.7, 0.7), Stall(0.0, 0.95), Stall(lazy=True), Stall(0.3, 0.3, True, 9)])
def test_stalls_change_cycles_and_nothing_else(stall):
    words = [n * 37 % 256 for n in range(40)]
    run = simulate(Pipe(), {"words": words}, stall)
    assert run.payloads("out") == words
    assert run.taken("out")[-1] > 40
    assert run.taken("out") == simulate(Pipe(), {"words": words}, stall).taken("out")


@pytest.mark.parametrize(
    ("component", "message"),
    [
        (Fickle, "must hold valid and payload"),
        (Withdrawing, "must hold valid and payload"),
        (Dependent, "must not depend on its ready"),
    ],
)
def test_a_broken_rule_is_noticed(component, message):
    with pytest.raises(AssertionError, match=rf"cycle \d+: 'out' {message}"):
        simulate(component(), {"words": list(range(20))}, WAITING)


def test_the_watchdog_bites_and_says_where_it_stopped():
    with pytest.raises(AssertionError, match=r"stuck at cycle \d+: 'words' has taken 4 of 20, 'out' has given 4$"):
        simulate(Deaf(), {"words": list(range(20))})


def test_the_watchdog_bites_where_nothing_ends():
    with pytest.raises(AssertionError, match="stuck at cycle 500:"):
        simulate(Endless(), {"words": []}, limit=500)


def test_valid_that_waits_for_ready_starves_at_a_lazy_sink():
    assert simulate(WaitingForReady(), {"words": [1, 2]}).payloads("out") == [1, 2]
    with pytest.raises(AssertionError, match="'words' has taken 0 of 2"):
        simulate(WaitingForReady(), {"words": [1, 2]}, Stall(lazy=True))


def test_watched_signals_are_sampled_where_the_strobe_is():
    pipe = Pipe()
    watch = Watch(pipe.out.valid, {"word": pipe.out.payload})
    run = simulate(pipe, {"words": [5, 6]}, Stall(source=0.5, seed=4), watches={"words": watch})
    assert run.watched["words"] == [{"word": 5}, {"word": 6}]


def test_numbers_are_packed_as_they_are():
    layout = data.StructLayout({"a": 3, "b": data.ArrayLayout(signed(4), 2), "c": signed(1)})
    value = {"a": 5, "b": [-8, 7], "c": -1}
    assert pack(layout, value) == layout.const(value).as_bits()
    assert unpack(layout, pack(layout, value)) == value


@pytest.mark.parametrize("value", [{"a": 8}, {"a": -1}, {"a": 0, "b": 0}, {}])
def test_numbers_that_do_not_fit_are_refused(value):
    with pytest.raises(AssertionError):
        pack(data.StructLayout({"a": 3}), value)
