"""Whether a part has room for a circuit: from what synthesis counted, or, before any Verilog, from the design alone.

A design alone gives lower bounds. Of block RAM and single-port RAM they count memories of weights, of flip-flops and
LUTs the words that are read from these. Windows, queues, tables and whatever stands around a circuit are not counted.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil

import numpy as np
from numpy.typing import NDArray

from gateware.weights import Contents, column_bits
from snnhw.design import Design, DesignLayer
from snnhw.fpga.parts import FAMILIES, Cells, Family, Part
from snnhw.fpga.place import ADVICE, does_not_fit
from snnhw.naming import instances
from snnhw.weights import layer_contents

__all__ = ["check_design", "check_room", "least_cells"]

_ROOM = {
    "lut": "LUTs",
    "ff": "flip-flops",
    "bram": "block RAMs",
    "spram": "single-port RAMs",
    "dsp": "multipliers",
}

WHATEVER_THE_LANES = {
    "block RAMs": "take weights of fewer bits, a smaller network, weights in single-port RAM where the part has it "
    "(--memory LAYER=spram), or a larger part; fewer lanes do not help",
}
"""What to change where weights and membranes alone are more than a part holds."""


def check_room(
    part: Part, stages: Mapping[str, Cells], advice: Mapping[str, str] = ADVICE, at_least: bool = False
) -> None:
    """Raise FitError where the part is too small for these stages together.

    ``advice`` tells by resource, in words, what to change; ``at_least`` says that the cells are lower bounds.
    """
    total = sum(stages.values(), Cells())
    for resource, words in _ROOM.items():
        wanted, available = getattr(total, resource), getattr(part.holds, resource)
        if wanted > available:
            most = max(stages, key=lambda stage: float(getattr(stages[stage], resource)))
            where = f" ({getattr(stages[most], resource):,g} of them in {most})"
            raise does_not_fit(part.name, words, wanted, available, where, advice, at_least)


def check_design(design: Design, part: Part) -> None:
    """Raise FitError where the design alone shows that the part is too small; nothing is elaborated."""
    family = FAMILIES[part.family]
    per_block = family.block_bits / family.block.bram
    elsewhere = part.holds.lut * family.lut_ram_bits + part.holds.ff
    weights, states = (sum(map(bits, design.layers)) for bits in (_weight_bits, _state_bits))
    blocks = ceil((weights + max(0, states - elsewhere)) / per_block)
    if blocks > part.holds.bram:
        where = " for weights and membranes alone"
        raise does_not_fit(part.name, "block RAMs", blocks, part.holds.bram, where, WHATEVER_THE_LANES, at_least=True)
    check_room(part, least_cells(design, family), at_least=True)


def least_cells(design: Design, family: Family) -> dict[str, Cells]:
    """What each layer that reads weights takes at least, by the name of its instance."""
    named = instances(design.network)
    return {named[layer.name]: _least(layer, family) for layer in design.layers if _weights(layer) is not None}


def _weights(layer: DesignLayer) -> NDArray[np.int64] | None:
    """The weights that events read from memories; None where there are none that synthesis leaves there."""
    if not layer.weight_words.any() or not _is_read(layer):
        return None
    return layer.synapse.read_weights(layer.tensors, layer.in_shape)


def _is_read(layer: DesignLayer) -> bool:
    """Whether a layer has neurons, and each can change what the circuit does: synthesis leaves out what never fires."""
    if not layer.has_neuron:
        return False
    integrated = layer.built.integrated
    thresholds = layer.parameters.get("threshold")
    fires = thresholds is None or int(thresholds.max()) <= integrated.hi
    return fires and integrated.lo < integrated.hi


def _least(layer: DesignLayer, family: Family) -> Cells:
    """The blocks of each memory; and of a word of weights a register for each bit, which an adder takes.

    Where events carry numbers, multipliers may have both in them.
    """
    cells = Cells()
    for number, contents in enumerate(layer_contents(layer, layer)):
        is_weights = number < layer.chosen.event_lanes
        kind = layer.chosen.memory if is_weights else "rom"
        varying = _varying(contents, layer.loadable)
        if is_weights and layer.values.hi == 1:
            read = int(varying.sum())
            cells += Cells(ff=read, lut=read // layer.chosen.event_lanes if family.lut_adders else 0)
        depth, step = len(contents.rows), column_bits(len(contents.rows), varying.size, kind)
        widths = [int(varying.flat[start : start + step].sum()) for start in range(0, varying.size, step)]
        if kind == "spram":
            cells += Cells(spram=len(widths))
        else:
            cells += family.block * sum(_blocks(depth, width, family) for width in widths)
    return cells


def _blocks(depth: int, width: int, family: Family) -> int:
    """The fewest blocks of one shape that hold so many words of ``width`` bits.

    Words that are too many for a block can stand beside each other in it, behind multiplexers.
    """
    return min(ceil(ceil(depth / words) * width / bits) for bits, words in family.blocks.items())


def _varying(contents: Contents, loadable: bool) -> NDArray[np.bool_]:
    """Which bits of a word are not the same in every word [lanes, bits]; what is constant stands in no memory."""
    rows, bits = np.array(contents.rows), np.arange(contents.span.width)
    if loadable:
        return np.ones((rows.shape[1], len(bits)), np.bool_)
    changes = np.bitwise_or.reduce(rows ^ rows[0], axis=0)
    varying: NDArray[np.bool_] = (changes[:, None] >> bits & 1) != 0
    return varying


def _weight_bits(layer: DesignLayer) -> int:
    """Bits that a layer's weights take in block RAM, whatever its lanes.

    Numbers that stand below each other in a memory, those of a neuron and tap, have as many bits that are not constant
    as it takes to tell them apart. Several event lanes have a memory each, of the inputs at their addresses.
    """
    weight = _weights(layer)
    if weight is None or layer.chosen.memory == "spram":
        return 0
    if layer.loadable:
        return weight.size * layer.synapse.weight_range.width
    lanes = layer.chosen.event_lanes
    if lanes == 1:
        return _distinct_bits(weight)
    # Of what has positions the lanes are even and odd channels, of all others even and odd addresses.
    sources = layer.sources if weight.shape[1] == layer.inputs else range(weight.shape[1])
    inputs = [[source for source in sources[lane::lanes] if source is not None] for lane in range(lanes)]
    return sum(_distinct_bits(weight[:, own]) for own in inputs)


def _distinct_bits(weight: NDArray[np.int64]) -> int:
    """Bits of weights [neurons, inputs, ...] of which those of a neuron need no more than tell them apart."""
    inputs = weight.shape[1]
    if inputs == 0:
        return 0
    changes = np.diff(np.sort(weight, axis=1), axis=1) != 0
    distinct = 1 + np.count_nonzero(changes, axis=1)
    bits: int = inputs * int(np.ceil(np.log2(distinct)).sum())
    return bits


def _state_bits(layer: DesignLayer) -> int:
    """Bits of the states of a layer's neurons that are kept from step to step."""
    if layer.neuron_major or layer.network.num_steps == 1 or not _is_read(layer):
        return 0
    bits: int = layer.units * sum(field.range.width for field in layer.neuron.state_fields(layer.built.membrane))
    return bits
