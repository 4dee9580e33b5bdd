"""What a network computes, spelled out: one sample, step, neuron and synapse at a time, in Python's integers.

Nothing here shares code or layout with golden or gateware: it is a third reading of the description, made to be
checked by eye. It is slow, and knows no overflow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from snnhw.network import Layer, Leak, Network, Neuron

LFSR_MASK = 0x80000057


@dataclass
class NeuronState:
    """What one neuron keeps from step to step."""

    membrane: int
    pending: int = 0
    refractory: int = 0


@dataclass
class NeuronStep:
    """What one neuron did in one step, and what it kept."""

    current: int
    leaked: int | None
    unsaturated: int | None
    integrated: int
    spike: int
    value: int
    membrane: int
    pending: int
    refractory: int


@dataclass
class LayerTrace:
    """The numbers of one layer, each [num_steps][units]; the state fields as they stand after the step.

    ``leaked`` is before a delayed reset, ``unsaturated`` before saturation; ``spike`` is what the step adds to a spike
    count, ``value`` what the event carries (0: no event). In a refractory step there is no leak and no integration:
    those two are None, and ``integrated`` repeats the membrane.
    """

    current: list[list[int]] = field(default_factory=list)
    leaked: list[list[int | None]] = field(default_factory=list)
    unsaturated: list[list[int | None]] = field(default_factory=list)
    integrated: list[list[int]] = field(default_factory=list)
    spike: list[list[int]] = field(default_factory=list)
    value: list[list[int]] = field(default_factory=list)
    membrane: list[list[int]] = field(default_factory=list)
    pending: list[list[int]] = field(default_factory=list)
    refractory: list[list[int]] = field(default_factory=list)

    def record(self, steps: list[NeuronStep]) -> None:
        """Add one time step, given the steps of the neurons in order."""
        for name in vars(self):
            getattr(self, name).append([getattr(step, name) for step in steps])


@dataclass
class Outcome:
    """The answer to one sample. ``encoder``: event values [num_steps][inputs]; a single row where they come once."""

    winner: int
    scores: list[int]
    encoder: list[list[int]]
    layers: dict[str, LayerTrace]
    kept: dict[str, list[list[int]]]
    """What synapses keep beside neurons, by LAYER.NAME: [step][number]."""


def run(network: Network, tensors: Mapping[str, Any], sample: Any) -> Outcome:
    """Everything that ``network``, with these tensors by name, makes of one sample."""
    encoder = encode(network, flat(sample))
    layers: dict[str, LayerTrace] = {}
    kept: dict[str, list[list[int]]] = {}
    incoming = encoder * network.num_steps if network.constant_input else encoder
    for layer, placed in zip(network.stages, network.layers, strict=True):
        layers[layer.name] = run_layer(layer, tensors, incoming, placed.in_shape)
        if layer.synapse.kind == "neunorm_conv2d":
            kept[f"{layer.name}.auxiliary"] = auxiliary_states(layer.synapse, incoming, placed.in_shape)
        incoming = layers[layer.name].value
    scores = read_out(network, layers[network.stages[-1].name])
    return Outcome(winner_of(network, scores), scores, encoder, layers, kept)


def flat(nested: Any) -> list[int]:
    """The integers of anything nested, row by row."""
    if isinstance(nested, Iterable):
        return [number for part in nested for number in flat(part)]
    return [int(nested)]


# Encoders


def encode(network: Network, pixels: list[int]) -> list[list[int]]:
    """The values of the encoder's events, [step][input]; one row for direct encoding, whose events come once."""
    return ENCODERS[network.encoder.kind](network.encoder, pixels, network.num_steps)


def direct(encoder: Any, pixels: list[int], num_steps: int) -> list[list[int]]:
    """The highest bits of each pixel, in a single row."""
    return [[pixel // 2 ** (8 - encoder.bits) for pixel in pixels]]


def rate(encoder: Any, pixels: list[int], num_steps: int) -> list[list[int]]:
    """Bright pixels, once in a period."""
    return [
        [1 if pixel > encoder.threshold and step % encoder.period == encoder.phase else 0 for pixel in pixels]
        for step in range(num_steps)
    ]


def latency(encoder: Any, pixels: list[int], num_steps: int) -> list[list[int]]:
    """Each pixel once, the brighter the earlier."""
    return [
        [1 if pixel != 0 and step == (255 - pixel) * num_steps // 256 else 0 for pixel in pixels]
        for step in range(num_steps)
    ]


def events(encoder: Any, pixels: list[int], num_steps: int) -> list[list[int]]:
    """What is given, cut into steps."""
    inputs = len(pixels) // num_steps
    return [pixels[step * inputs : (step + 1) * inputs] for step in range(num_steps)]


def integrate_fire(encoder: Any, pixels: list[int], num_steps: int) -> list[list[int]]:
    """One accumulator a pixel, that starts half full."""
    accumulators = [128 for _ in pixels]
    rows = []
    for _ in range(num_steps):
        row = []
        for index, pixel in enumerate(pixels):
            accumulators[index] += pixel
            fires = accumulators[index] >= 256
            if fires:
                accumulators[index] -= 256
            row.append(1 if fires else 0)
        rows.append(row)
    return rows


def bernoulli(encoder: Any, pixels: list[int], num_steps: int) -> list[list[int]]:
    """One register for all pixels and steps, eight shifts before each look at its low byte."""
    register = encoder.seed
    rows = []
    for _ in range(num_steps):
        row = []
        for pixel in pixels:
            for _ in range(8):
                register = shifted(register)
            row.append(1 if register % 256 < pixel else 0)
        rows.append(row)
    return rows


def shifted(register: int) -> int:
    """One advance of the Galois register."""
    falls_out = register % 2
    register = register // 2
    return register ^ LFSR_MASK if falls_out else register


ENCODERS = {
    "direct": direct,
    "integrate_fire": integrate_fire,
    "bernoulli": bernoulli,
    "rate": rate,
    "latency": latency,
    "events": events,
    "address_events": events,
}


# Layers


def run_layer(
    layer: Layer, tensors: Mapping[str, Any], incoming: list[list[int]], shape: tuple[int, ...]
) -> LayerTrace:
    """One layer over all steps, from the values of the events that reach it, inputs of this shape."""
    trace = LayerTrace()
    out = SYNAPSES[layer.synapse.kind](layer, tensors, incoming, shape)
    if layer.neuron is None:
        trace.value = out
        return trace
    units = len(out[0])
    parameters = [parameters_of(layer, layer.neuron, tensors, unit, units) for unit in range(units)]
    states = [NeuronState(membrane=numbers["initial"]) for numbers in parameters]
    for currents in out:
        steps = []
        for unit, current in enumerate(currents):
            steps.append(step_neuron(layer.neuron, parameters[unit], states[unit], current))
            states[unit] = NeuronState(steps[unit].membrane, steps[unit].pending, steps[unit].refractory)
        trace.record(steps)
    return trace


def parameters_of(layer: Layer, neuron: Neuron, tensors: Mapping[str, Any], unit: int, units: int) -> dict[str, int]:
    """The numbers of one neuron by name; 0 for those that its description does without."""
    resets_by_amount = neuron.reset == "subtract" or neuron.spike.kind != "binary"
    given: dict[str, int | str | None] = {
        "leak_amount": neuron.leak.amount,
        "threshold": neuron.threshold,
        "reset_amount": neuron.reset_amount if resets_by_amount else 0,
        "initial": neuron.initial,
    }
    numbers = {}
    for name, value in given.items():
        if value == "per_neuron":
            numbers[name] = int(tensors[f"{layer.name}.{name}"][unit])
        elif value == "per_channel":
            channels = len(tensors[f"{layer.name}.{name}"])
            numbers[name] = int(tensors[f"{layer.name}.{name}"][unit // (units // channels)])
        else:
            numbers[name] = 0 if value is None else int(value)
    if neuron.reset_amount is None:
        numbers["reset_amount"] = numbers["threshold"]
    return numbers


def dense(
    layer: Layer, tensors: Mapping[str, Any], incoming: list[list[int]], shape: tuple[int, ...]
) -> list[list[int]]:
    """What reaches each neuron in each step, [step][unit]."""
    weight = [[int(number) for number in row] for row in tensors[f"{layer.name}.weight"]]
    bias = [int(number) for number in tensors[f"{layer.name}.bias"]] if layer.bias else [0] * len(weight)
    currents = []
    for values in incoming:
        row = list(bias)
        for unit in range(len(weight)):
            for index, value in enumerate(values):
                row[unit] += weight[unit][index] * value
        currents.append(row)
    return currents


def conv2d(
    layer: Layer, tensors: Mapping[str, Any], incoming: list[list[int]], shape: tuple[int, ...]
) -> list[list[int]]:
    """What reaches each neuron in each step: a window of the input times a kernel, the greatest of those of a pool."""
    synapse: Any = layer.synapse
    weight = [
        [[list(map(int, row)) for row in plane] for plane in kernel] for kernel in tensors[f"{layer.name}.weight"]
    ]
    bias = [int(number) for number in tensors[f"{layer.name}.bias"]] if layer.bias else [0] * len(weight)
    high, wide = convolved(synapse, shape)
    tall, broad = synapse.max_pool
    currents = []
    for values in incoming:
        row = []
        for kernel, constant in zip(weight, bias, strict=True):
            for top in range(0, high - tall + 1, tall):
                for left in range(0, wide - broad + 1, broad):
                    window = [(top + y, left + x) for y in range(tall) for x in range(broad)]
                    row.append(max(constant + correlation(synapse, kernel, values, shape, *place) for place in window))
        currents.append(row)
    return currents


def convolved(synapse: Any, shape: tuple[int, ...]) -> tuple[int, int]:
    """How often a kernel fits, downwards and to the right."""
    high = (shape[-2] + 2 * synapse.padding[0] - synapse.kernel[0]) // synapse.stride[0] + 1
    wide = (shape[-1] + 2 * synapse.padding[1] - synapse.kernel[1]) // synapse.stride[1] + 1
    return high, wide


def correlation(
    synapse: Any, kernel: list[list[list[int]]], values: list[int], shape: tuple[int, ...], y: int, x: int
) -> int:
    """A kernel at one place of the output; beside the input there is nothing."""
    height, width = shape[-2], shape[-1]
    total = 0
    for channel, plane in enumerate(kernel):
        for down, weights in enumerate(plane):
            for right, number in enumerate(weights):
                row = y * synapse.stride[0] + down - synapse.padding[0]
                column = x * synapse.stride[1] + right - synapse.padding[1]
                if 0 <= row < height and 0 <= column < width:
                    total += number * values[(channel * height + row) * width + column]
    return total


def windows(synapse: Any, values: list[int], shape: tuple[int, ...]) -> list[list[int]]:
    """The values in each window of a pool, channel by channel, row by row."""
    height, width = shape[-2], shape[-1]
    tall, broad = synapse.size
    found = []
    for channel in range(len(values) // (height * width)):
        for top in range(0, height - tall + 1, tall):
            for left in range(0, width - broad + 1, broad):
                places = [(top + y, left + x) for y in range(tall) for x in range(broad)]
                found.append([values[(channel * height + y) * width + x] for y, x in places])
    return found


def max_pool2d(
    layer: Layer, tensors: Mapping[str, Any], incoming: list[list[int]], shape: tuple[int, ...]
) -> list[list[int]]:
    """The greatest value of each window."""
    return [[max(window) for window in windows(layer.synapse, values, shape)] for values in incoming]


def sum_pool2d(
    layer: Layer, tensors: Mapping[str, Any], incoming: list[list[int]], shape: tuple[int, ...]
) -> list[list[int]]:
    """The sum of each window."""
    return [[sum(window) for window in windows(layer.synapse, values, shape)] for values in incoming]


def s_max_pool2d(
    layer: Layer, tensors: Mapping[str, Any], incoming: list[list[int]], shape: tuple[int, ...]
) -> list[list[int]]:
    """Of each window the value of the unit that has sent most, or what all of its units are then inhibited by."""
    synapse: Any = layer.synapse
    sums = [0 for _ in incoming[0]]
    total = [0 for _ in windows(synapse, sums, shape)]
    rows = []
    for values in incoming:
        sums = [before + value for before, value in zip(sums, values, strict=True)]
        row = []
        for place, units in enumerate(windows(synapse, sums, shape)):
            if synapse.lateral_inhibition:
                row.append(max(unit - total[place] for unit in units))
                total[place] += row[place]
            else:
                own = windows(synapse, values, shape)[place]
                row.append(max(zip(units, own, strict=True))[1])
        rows.append(row)
    return rows


def neunorm_conv2d(
    layer: Layer, tensors: Mapping[str, Any], incoming: list[list[int]], shape: tuple[int, ...]
) -> list[list[int]]:
    """What reaches each neuron, less what the auxiliary neurons take from it, as the paper has it: W of (U times x)."""
    synapse: Any = layer.synapse
    numbers = tensors[f"{layer.name}.auxiliary"]
    positions = [1 for _ in range(shape[-2] * shape[-1])]
    if synapse.position_bits:
        positions = flat(tensors[f"{layer.name}.position"])
    high, wide = convolved(synapse, shape)
    rows = []
    for currents, states in zip(
        conv2d(layer, tensors, incoming, shape), auxiliary_states(synapse, incoming, shape), strict=True
    ):
        weighed = [state * number for state, number in zip(states, positions, strict=True)]
        row = list(currents)
        for unit in range(len(row)):
            channel, y, x = unit // (high * wide), unit // wide % high, unit % wide
            if synapse.form == "folded":
                kernel, values, planes = [numbers[channel]], weighed, (1, *shape[-2:])
            else:
                kernel, planes = list(tensors[f"{layer.name}.weight"][channel]), shape
                values = [
                    int(n) * value for own in numbers for n, value in zip(spread(own, weighed), weighed, strict=True)
                ]
            whole = [[[int(number) for number in line] for line in plane] for plane in kernel]
            row[unit] -= correlation(synapse, whole, values, planes, y, x) // 2**synapse.shift
        rows.append(row)
    return rows


def spread(numbers: Any, places: list[int]) -> list[int]:
    """A number for each place, from as many or from one that all share."""
    found = flat(numbers)
    return found if len(found) > 1 else found * len(places)


def auxiliary_states(synapse: Any, incoming: list[list[int]], shape: tuple[int, ...]) -> list[list[int]]:
    """The state of each position's auxiliary neuron after each step."""
    size = shape[-2] * shape[-1]
    states, rows = [0 for _ in range(size)], []
    for values in incoming:
        for place in range(size):
            states[place] = states[place] * (2**synapse.decay_bits - 1) // 2**synapse.decay_bits
            states[place] += sum(values[place::size])
        rows.append(list(states))
    return rows


SYNAPSES: dict[str, Callable[[Layer, Mapping[str, Any], list[list[int]], tuple[int, ...]], list[list[int]]]] = {
    "dense": dense,
    "conv2d": conv2d,
    "max_pool2d": max_pool2d,
    "sum_pool2d": sum_pool2d,
    "s_max_pool2d": s_max_pool2d,
    "neunorm_conv2d": neunorm_conv2d,
}
"""By kind: currents, or the values of events, from those of inputs of a shape, [step][input] to [step][unit]."""


def step_neuron(neuron: Neuron, numbers: dict[str, int], state: NeuronState, current: int) -> NeuronStep:
    """One step of one neuron."""
    if state.refractory > 0:
        held = state.membrane
        return NeuronStep(current, None, None, held, 0, 0, held, state.pending, state.refractory - 1)

    leaked = leak(neuron.leak, numbers["leak_amount"], state.membrane)
    unsaturated = leaked + current
    if neuron.reset_delay:
        unsaturated = reset(neuron, numbers, leaked, state.pending) + current
    integrated = unsaturated
    if neuron.membrane is not None:
        integrated = max(neuron.membrane.lo, min(neuron.membrane.hi, unsaturated))

    fires = neuron.threshold is not None and integrated >= numbers["threshold"]
    spike = value = 0
    if fires and neuron.spike.kind == "count":
        spike = value = burst(neuron, numbers, integrated)
    elif fires and neuron.spike.kind == "residue":
        spike, value = 1, min(integrated - numbers["reset_amount"], 2**neuron.spike.bits - 1)
    elif fires:
        spike = value = 1

    return NeuronStep(
        current=current,
        leaked=leaked,
        unsaturated=unsaturated,
        integrated=integrated,
        spike=spike,
        value=value,
        membrane=integrated if neuron.reset_delay else reset(neuron, numbers, integrated, spike),
        pending=spike if neuron.reset_delay else 0,
        refractory=neuron.refractory if fires else 0,
    )


def leak(kind: Leak, amount: int, membrane: int) -> int:
    """The membrane after its decay."""
    if kind.kind == "subtract":
        return membrane - amount
    if kind.kind == "shift":
        return membrane - divided(membrane, 2**kind.bits, kind.rounding)
    if kind.kind == "multiply":
        return divided(membrane * amount, 2**kind.bits, kind.rounding)
    return membrane


def divided(number: int, divisor: int, rounding: str) -> int:
    """A quotient, rounded down or toward zero."""
    if rounding == "toward_zero" and number < 0:
        return -(-number // divisor)
    return number // divisor


def burst(neuron: Neuron, numbers: dict[str, int], integrated: int) -> int:
    """How many spikes at once: the first costs the threshold, each further one another reset amount."""
    count = 0
    while count < neuron.spike.bound and integrated >= numbers["threshold"] + count * numbers["reset_amount"]:
        count += 1
    return count


def reset(neuron: Neuron, numbers: dict[str, int], membrane: int, spikes: int) -> int:
    """The membrane after as many spikes."""
    if neuron.reset == "subtract":
        return membrane - spikes * numbers["reset_amount"]
    if neuron.reset == "zero" and spikes > 0:
        return 0
    return membrane


# Readouts


def read_out(network: Network, last: LayerTrace) -> list[int]:
    """One score a class."""
    return READOUTS[network.readout.kind](network.readout, last)


def membrane(readout: Any, last: LayerTrace) -> list[int]:
    """The membranes at the end."""
    return list(last.membrane[-1])


def first_spike(readout: Any, last: LayerTrace) -> list[int]:
    """The step of the first spike; where there is none, the number of steps."""
    scores = []
    for unit in range(len(last.spike[0])):
        steps = [step for step, row in enumerate(last.spike) if row[unit] > 0]
        scores.append(steps[0] if steps else len(last.spike))
    return scores


def count(readout: Any, last: LayerTrace) -> list[int]:
    """All spikes of each neuron."""
    return [sum(row[unit] for row in last.spike) for unit in range(len(last.spike[0]))]


def vote(readout: Any, last: LayerTrace) -> list[int]:
    """All spikes of the neurons of each population."""
    counts = count(readout, last)
    population = len(counts) // readout.classes
    return [sum(counts[first : first + population]) for first in range(0, len(counts), population)]


READOUTS = {"membrane": membrane, "count": count, "first_spike": first_spike, "vote": vote}


def winner_of(network: Network, scores: list[int]) -> int:
    """The class of the best score, and the lowest of equals."""
    best = min(scores) if network.readout.kind == "first_spike" else max(scores)
    return scores.index(best)


# The comparison


def difference(model: Any, result: Any, index: int, expected: Outcome) -> str | None:
    """The first number of sample ``index`` in a golden result with traces that is not the oracle's; None without."""
    numbers = {
        "encoder": (result.encoded[:, index].tolist(), expected.encoder),
        "encoder's events": (result.events["encoder"][:, index].tolist(), offered(model.network, expected.encoder)),
    }
    for layer in model.network.stages:
        trace, spelled = result.traces[layer.name], expected.layers[layer.name]
        fields = {"value": trace.value}
        if layer.neuron is not None:
            fields = {"integrated": trace.integrated, **trace.state, "spike": trace.spike, "value": trace.value}
        for name, values in fields.items():
            numbers[f"{layer.name}'s {name}"] = values[:, index].tolist(), getattr(spelled, name)
        numbers[f"{layer.name}'s events"] = result.events[layer.name][:, index].tolist(), sent(spelled.value)
    for name, states in expected.kept.items():
        numbers[name] = result.traces[name].value[:, index].tolist(), states
    numbers["scores"] = result.scores[index].tolist(), expected.scores
    numbers["class"] = result.classes[index], expected.winner
    for name, (golden, own) in numbers.items():
        if golden != own:
            return f"{name} of sample {index}: golden has {golden}, the oracle {own}"
    return None


def offered(network: Network, values: list[list[int]]) -> list[int]:
    """The encoder's events of each step: a count is as many events."""
    if network.encoder.kind == "address_events":
        return [sum(row) for row in values]
    return sent(values)


def sent(values: list[list[int]]) -> list[int]:
    """The events of each step: zeros send none."""
    return [len([value for value in row if value != 0]) for row in values]
