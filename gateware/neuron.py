"""The bank of leaky integrate-and-fire neurons. Twin of ``golden/neuron.py``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from amaranth.hdl import Const, Module, Mux, Signal, Value, unsigned
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from gateware.stream import Mark, current_layout, large, lookup, saturate, several, shape_of
from snnhw.implementation import LayerShape, address_width
from snnhw.network import Leak, Neuron, Range
from snnhw.ranges import LayerRanges

if TYPE_CHECKING:
    from snnhw.design import DesignLayer


def step_layout(neuron: Neuron, ranges: LayerRanges, shape: LayerShape, steps: int = 1) -> data.StructLayout:
    """What a bank says of one word of neurons.

    ``mark`` and ``base`` are those of ``word_layout``. Per lane there are ``integrated``, ``spike`` (0 or 1; a burst's
    number), ``value`` and every state field after the step; with several steps those of each.
    """
    numbers = {"integrated": ranges.integrated, "spike": neuron.spike.count_range, "value": neuron.spike.value_range}
    numbers |= {field.name: field.range for field in neuron.state_fields(ranges.membrane)}
    lanes = {
        name: data.ArrayLayout(several(shape_of(span), steps), shape.neuron_lanes) for name, span in numbers.items()
    }
    return data.StructLayout({"mark": Mark, "base": address_width(shape.addresses)} | lanes)


class NeuronLane:
    """The arithmetic of one step of one neuron, combinational, in two halves; ``name`` tells its signals apart.

    State, parameters and results are values by name. Widths come from ``ranges``.
    """

    def __init__(self, neuron: Neuron, ranges: LayerRanges):
        self.neuron = neuron
        self.ranges = ranges
        self.fields = neuron.state_fields(ranges.membrane)

    def integrate(
        self, m: Module, name: str, parameters: Mapping[str, Value], state: Mapping[str, Value], current: Value
    ) -> Signal:
        """Leak, delayed reset, current and saturation: what is compared with the threshold."""
        neuron, ranges = self.neuron, self.ranges
        membrane = state["membrane"]
        leaked = leak(neuron.leak, parameters.get("leak_amount"), membrane)
        if neuron.reset_delay:
            leaked = reset(neuron, parameters, leaked, state["pending"])
        unsaturated = Signal(shape_of(ranges.unsaturated), name=f"unsaturated_{name}")
        integrated = Signal(shape_of(ranges.integrated), name=f"integrated_{name}")
        # Narrowing is safe here and below: the ranges are proven for every input.
        m.d.comb += unsaturated.eq(leaked + current)
        updated = unsaturated
        if neuron.membrane is not None and ranges.saturates:
            updated = saturate(unsaturated, neuron.membrane)
        m.d.comb += integrated.eq(Mux(self._active(state), updated, membrane) if neuron.refractory else updated)
        return integrated

    def fire(
        self,
        m: Module,
        name: str,
        parameters: Mapping[str, Value],
        state: Mapping[str, Value],
        integrated: Value,
        exists: Value,
    ) -> dict[str, Value]:
        """Spike and reset: ``integrated``, ``spike``, ``value`` and the new state; of the old one no membrane is read.

        A neuron that does not exist never fires.
        """
        neuron = self.neuron
        active = self._active(state)
        spike = Signal(shape_of(neuron.spike.count_range), name=f"spike_{name}")
        value = Signal(shape_of(neuron.spike.value_range), name=f"value_{name}")
        if neuron.fires:
            self._spike(m, parameters, integrated, active & exists, spike, value)
        new = {field.name: Signal(shape_of(field.range), name=f"new_{field.name}_{name}") for field in self.fields}
        m.d.comb += new["membrane"].eq(integrated)
        if neuron.reset_delay:
            m.d.comb += new["pending"].eq(Mux(active, spike, state["pending"]))
        elif neuron.fires:
            m.d.comb += new["membrane"].eq(reset(neuron, parameters, integrated, spike))
        if neuron.refractory:
            left = Mux(active, 0, state["refractory"] - 1)
            m.d.comb += new["refractory"].eq(Mux(spike.any(), neuron.refractory, left))
        return {"integrated": integrated, "spike": spike, "value": value} | new

    def _active(self, state: Mapping[str, Value]) -> Value:
        """Whether the neuron is out of its refractory steps."""
        return (state["refractory"] == 0) if self.neuron.refractory else Const(1)

    def _spike(
        self,
        m: Module,
        parameters: Mapping[str, Value],
        integrated: Value,
        active: Value,
        spike: Signal,
        value: Signal,
    ) -> None:
        """The spike and the value of its event."""
        neuron = self.neuron
        fired = reaches(integrated, parameters["threshold"]) & active
        if neuron.spike.kind == "residue":
            residue = integrated - parameters["reset_amount"]
            most = neuron.spike.value_range.hi
            m.d.comb += [spike.eq(fired), value.eq(Mux(fired, Mux(residue > most, most, residue), 0))]
            return
        more = [fired & (integrated >= parameters[name]) for name in neuron_thresholds(neuron)]
        m.d.comb += [spike.eq(sum(more, fired)), value.eq(spike)]


class NeuronBank(wiring.Component):
    """``units`` neurons, ``neuron_lanes`` of them a cycle, their state in a memory of one word per cycle of a step.

    Takes in one word of currents a cycle, in the order of ``LayerShape.order``, and sends what each word did 2 cycles
    later, at one word a cycle; 3 cycles where the state is so large that it stands in block RAM, which shows a word too
    late for what is done with it. Where the layer is constant, it takes in one step's currents only, keeps them and
    applies them at each of ``num_steps`` steps, input waiting meanwhile. Step 0 starts from ``initial`` instead of
    memory; a network of one step has no memory. The last word of a step is marked STEP, of the last step SAMPLE.
    Back-pressure holds the pipeline.
    """

    def __init__(self, layer: DesignLayer):
        self.neuron = neuron = layer.neuron
        self.ranges = ranges = layer.built
        self.shape = shape = layer.shape
        self.num_steps = layer.network.num_steps
        self.constant = layer.constant
        self.parameters = neuron_numbers(layer)
        self.fields = neuron.state_fields(ranges.membrane)
        self.state = state_layout(layer)
        self.registered = state_registered(layer)
        layout = step_layout(neuron, ranges, shape)
        super().__init__(
            {
                "currents": In(stream.Signature(current_layout(shape.neuron_lanes, ranges.current))),
                "steps": Out(stream.Signature(layout)),
            }
        )
        self.tap_strobe = Signal()
        self.taps = {
            name: Signal(len(self.steps.payload[name].as_value()), name=f"tap_{name}")
            for name in ("integrated", "spike", "value", *(field.name for field in self.fields))
        }

    def elaborate(self, platform):
        m = Module()
        steps, order, arithmetic = self.steps, self.shape.order, NeuronLane(self.neuron, self.ranges)
        busy, done, room, advance = Signal(), Signal(), Signal(), Signal()
        word, first, mark = Signal(address_width(self.shape.words)), Signal(), Signal(Mark)
        working, free = (Signal(), Signal()) if self.registered else (busy, room)
        m.d.comb += [room.eq(~steps.valid | steps.ready), advance.eq(~busy | free), done.eq(working & room)]
        issue, issued, issued_first, issued_mark = self._issue(m, advance)
        with m.If(advance):
            m.d.sync += [busy.eq(issue), word.eq(issued), first.eq(issued_first), mark.eq(issued_mark)]
        with m.If(room):
            m.d.sync += steps.valid.eq(working)
        current = self._currents(m, issue & advance, issued, issued_first, advance)
        write, read = self._state_ports(m)
        old = read.data
        if self.registered:
            m.d.comb += free.eq(~working | room)
            with m.If(free):
                m.d.sync += working.eq(busy)
            word, first, mark, current, old = (register(m, free, shown) for shown in (word, first, mark, current, old))
        m.d.comb += [read.addr.eq(issued), read.en.eq(advance), write.addr.eq(word), write.en.eq(done)]
        base = lookup(word, self.shape.starts, steps.payload.base.shape())
        with m.If(done):
            m.d.sync += [steps.payload.mark.eq(mark), steps.payload.base.eq(base)]
        for lane in range(self.shape.neuron_lanes):
            parameters = lane_parameters(self.parameters, order, word, lane)
            state = self._old_state(m, old, first, parameters, lane)
            exists = lookup(word, [lanes[lane] is not None for lanes in order], unsigned(1))
            integrated = arithmetic.integrate(m, str(lane), parameters, state, current[lane])
            result = arithmetic.fire(m, str(lane), parameters, state, integrated, exists)
            m.d.comb += [write.data[field.name][lane].eq(result[field.name]) for field in self.fields]
            with m.If(done):
                m.d.sync += [steps.payload[name][lane].eq(value) for name, value in result.items()]
        m.d.comb += self.tap_strobe.eq(steps.valid & steps.ready)
        m.d.comb += [tap.eq(steps.payload[name]) for name, tap in self.taps.items()]
        return m

    def _issue(self, m, advance):
        """Count words and steps; an issue needs currents, which a constant layer has from step 1 on."""
        word, step = (
            Signal(address_width(self.shape.words), name="next_word"),
            Signal(address_width(self.num_steps), name="next_step"),
        )
        first, last_word, issue = Signal(name="next_first"), Signal(), Signal()
        mark = Signal(Mark, name="next_mark")
        last_step = step == self.num_steps - 1
        m.d.comb += [
            first.eq(step == 0),
            last_word.eq(word == self.shape.words - 1),
            mark.eq(Mux(last_word, Mux(last_step, Mark.SAMPLE, Mark.STEP), Mark.EVENT)),
            issue.eq(self.currents.valid | ~first if self.constant else self.currents.valid),
            self.currents.ready.eq(advance & first if self.constant else advance),
        ]
        with m.If(issue & advance):
            m.d.sync += word.eq(Mux(last_word, 0, word + 1))
            with m.If(last_word):
                m.d.sync += step.eq(Mux(last_step, 0, step + 1))
        return issue, word, first, mark

    def _currents(self, m, issue, word, first, advance):
        """The issued word's currents, a cycle later; a constant layer keeps them from step 0 on."""
        layout = self.currents.payload.shape()
        taken = Signal(layout, name="taken")
        with m.If(issue):
            m.d.sync += taken.eq(self.currents.payload)
        if not self.constant or self.num_steps == 1:
            return taken.current
        m.submodules.constant = store = memory.Memory(shape=layout, depth=self.shape.words, init=[])
        write, read = store.write_port(), store.read_port()
        kept, current = Signal(), Signal(layout, name="current")
        m.d.comb += [
            write.addr.eq(word),
            write.data.eq(self.currents.payload),
            write.en.eq(issue & first),
            read.addr.eq(word),
            read.en.eq(advance),
            current.eq(Mux(kept, read.data.as_value(), taken.as_value())),
        ]
        with m.If(advance):
            m.d.sync += kept.eq(~first)
        return current.current

    def _state_ports(self, m):
        """The memory of the state: its write and its read port, which of a single step lead nowhere."""
        if self.num_steps == 1:
            width = address_width(self.shape.words)
            return (
                memory.WritePort.Signature(addr_width=width, shape=self.state).create(path=("unkept",)),
                memory.ReadPort.Signature(addr_width=width, shape=self.state).create(path=("unread",)),
            )
        attributes = {"ram_style": "block"} if self.registered else {}
        m.submodules.state = store = memory.Memory(shape=self.state, depth=self.shape.words, init=[], attrs=attributes)
        write = store.write_port()
        # A bank of a single word reads it for the next step in the cycle that writes it.
        return write, store.read_port(transparent_for=(write,) if self.shape.words == 1 else ())

    def _old_state(self, m, old, first, parameters, lane):
        """The state of a lane's neuron before this step: from memory, or the initial one."""
        state = {}
        for field in self.fields:
            state[field.name] = Signal(shape_of(field.range), name=f"{field.name}_{lane}")
            initial = parameters["initial"] if field.name == "membrane" else field.initial
            before = initial if self.num_steps == 1 else Mux(first, initial, old[field.name][lane])
            m.d.comb += state[field.name].eq(before)
        return state


def state_layout(layer: DesignLayer) -> data.StructLayout:
    """A word of a layer's state: of each field an array of lanes."""
    lanes, fields = layer.shape.neuron_lanes, layer.neuron.state_fields(layer.built.membrane)
    return data.StructLayout({field.name: data.ArrayLayout(shape_of(field.range), lanes) for field in fields})


def state_registered(layer: DesignLayer) -> bool:
    """Whether a layer's state stands in block RAM, with a register behind it."""
    words = layer.shape.words
    return layer.network.num_steps > 1 and large(state_layout(layer).size * words, words)


def register(m: Module, free: Value, shown: Any) -> Any:
    """What was shown when ``free`` was last 1."""
    kept = Signal(shown.shape(), name="kept")
    with m.If(free):
        m.d.sync += kept.eq(shown)
    return kept


def neuron_thresholds(neuron: Neuron) -> list[str]:
    """The names of what a membrane must reach for another spike, and another, of a burst."""
    bursts = neuron.spike.kind == "count"
    return [f"threshold_{spikes}" for spikes in range(1, neuron.spike.count_range.hi)] if bursts else []


def neuron_numbers(layer: DesignLayer) -> dict[str, list[int]]:
    """The parameters of each neuron of a layer by name, with all thresholds of a burst."""
    numbers = dict(layer.parameters)
    for spikes, name in enumerate(neuron_thresholds(layer.neuron), start=1):
        numbers[name] = numbers["threshold"] + spikes * numbers["reset_amount"]
    return {name: values.tolist() for name, values in numbers.items()}


def lane_parameters(
    parameters: Mapping[str, Sequence[int]], order: Sequence[Sequence[int | None]], word: Value, lane: int
) -> dict[str, Value]:
    """The parameters of the neuron in a lane of a word; of an empty lane those of another neuron."""
    chosen = {}
    for name, values in parameters.items():
        span = Range(lo=min(0, *values), hi=max(0, *values))
        units = [lanes[lane] for lanes in order]
        known = [values[unit] for unit in units if unit is not None]
        padded = [known[0] if unit is None else values[unit] for unit in units]
        chosen[name] = lookup(word, padded, shape_of(span))
    return chosen


def reaches(integrated: Value, threshold: Value) -> Value:
    """Whether ``integrated >= threshold``, of a constant power of two from the bits above it alone."""
    power = threshold.value if isinstance(threshold, Const) else 0
    if power <= 0 or power & (power - 1):
        return integrated >= threshold
    top = len(integrated) - integrated.shape().signed
    above = integrated[min(power.bit_length() - 1, top) : top].any()
    return above & ~integrated[-1] if top < len(integrated) else above


def leak(leak: Leak, leak_amount: Value | None, membrane: Value) -> Value:
    """The leaked membrane, see :class:`snnhw.network.Leak`."""
    if leak.kind == "none":
        return membrane
    if leak.kind == "subtract":
        return membrane - leak_amount
    product = membrane if leak.kind == "shift" else membrane * leak_amount
    if leak.rounding == "toward_zero":
        product = product + Mux(product < 0, (1 << leak.bits) - 1, 0)
    shifted = product >> leak.bits
    return membrane - shifted if leak.kind == "shift" else shifted


def reset(neuron: Neuron, parameters: Mapping[str, Value], membrane: Value, spike: Value) -> Value:
    """The membrane after ``spike`` (a count) has reset it."""
    if neuron.reset == "subtract":
        removed = parameters["reset_amount"]
        return membrane - (Mux(spike, removed, 0) if len(spike) == 1 else spike * removed)
    if neuron.reset == "zero":
        return Mux(spike.any(), 0, membrane)
    return membrane
