"""Networks in the notation of papers: ``15C5-P2-40C5-P2-300-10``.

Parts are joined by hyphens:

==============  ==========================================================================================
part            layer
==============  ==========================================================================================
``15C5``        a convolution of 15 channels with kernels of 5 x 5, padded so that the size stays
``15C5s2``      the same with a stride of 2
``AP2``, ``P2``  an average pool of 2 x 2, as a sum pool: thresholds behind it are learned
``300``, ``300FC``  a dense layer of 300 neurons
``10`` at the end  the output, as many classes
``Voting``      the output in the place of a number, of 10 classes
==============  ==========================================================================================
"""

from __future__ import annotations

import re
from typing import Any

from snnhw.errors import DescriptionError
from snnhw.network import (
    Conv2d,
    Dense,
    Encoder,
    Layer,
    Network,
    NeuNormConv2d,
    Neuron,
    SumPool2d,
    Synapse,
    VoteReadout,
)
from snnhw.wording import one_of, quoted

__all__ = ["stbp_network"]

_CONV = re.compile(r"(\d+)C(\d+)(?:s(\d+))?")
_POOL = re.compile(r"A?P(\d+)")
_DENSE = re.compile(r"(\d+)(?:FC)?")

_FORMS: dict[str, dict[str, Any]] = {
    "none": {},
    "folded": {"form": "folded", "auxiliary_bits": 6, "shift": 5},
    "per_channel": {"form": "per_channel", "auxiliary_bits": 8, "shift": 9},
    "rank_one": {"form": "per_channel", "auxiliary_bits": 8, "shift": 11, "position_bits": 4},
    "full": {"form": "full", "auxiliary_bits": 8, "shift": 9},
}


def stbp_network(
    notation: str,
    *,
    input_shape: tuple[int, ...],
    encoder: Encoder,
    num_steps: int,
    neuron: Neuron,
    population: int = 10,
    neunorm: str = "none",
    decay_bits: int = 1,
    weight_bits: int = 4,
) -> Network:
    """A network as Wu et al. 2019 build them: an encoding layer, convolutions, dense layers, populations that vote.

    Args:
        notation: the layers, see above.
        input_shape: [channels, height, width].
        encoder: what makes events of samples; the first convolution is the encoding layer, whose input may be graded.
        num_steps: the number of time steps.
        neuron: that of every layer; where its threshold is ``per_channel``, it is ``per_neuron`` in dense layers.
        population: output neurons of a class. Which are of which class is fixed, neighbours together: the paper assigns
            them at random, which is a permutation of the output's weights before training and changes nothing.
        neunorm: the form of NeuNorm of all convolutions but the first: ``none``, ``folded``, ``per_channel``,
            ``rank_one`` or ``full``, see `NeuNormConv2d`; of rank one is a per_channel form with numbers of positions.
        decay_bits: of NeuNorm.
        weight_bits: of all weights.

    Raises DescriptionError for a notation, or a form, that is none.
    """
    if neunorm not in _FORMS:
        raise DescriptionError(one_of("neunorm", neunorm, _FORMS))
    parts = notation.split("-")
    classes = 10 if parts[-1].lower() == "voting" else _number(parts[-1], notation)
    dense = neuron.model_copy(update={"threshold": "per_neuron"}) if neuron.threshold == "per_channel" else neuron
    stages: list[Layer] = []

    def add(kind: str, synapse: Synapse, neuron: Neuron | None) -> None:
        several = kind != "hidden" or sum(_DENSE.fullmatch(part) is not None for part in parts[:-1]) > 1
        number = 1 + sum(stage.name.startswith(kind) for stage in stages)
        name = f"{kind}{number}" if several else kind
        stages.append(Layer(name=name, synapse=synapse, bias=neuron is not None, neuron=neuron))

    for part in parts[:-1]:
        if found := _CONV.fullmatch(part):
            channels, kernel, stride = (int(number or 1) for number in found.groups())
            fields = {"channels": channels, "kernel": kernel, "stride": stride, "padding": kernel // 2}
            normalised = neunorm != "none" and len(stages) > 0
            own = {**_FORMS[neunorm], "decay_bits": decay_bits} if normalised else {}
            made = (NeuNormConv2d if normalised else Conv2d).model_validate(
                {**fields, "weight_bits": weight_bits, **own}
            )
            add("conv", made, neuron)
        elif found := _POOL.fullmatch(part):
            add("pool", SumPool2d(size=int(found[1])), None)
        else:
            add("hidden", Dense(units=_number(part, notation), weight_bits=weight_bits), dense)
    output = Dense(units=classes * population, weight_bits=weight_bits)
    return Network(
        input_shape=input_shape,
        encoder=encoder,
        stages=(*stages, Layer(name="output", synapse=output, neuron=dense)),
        readout=VoteReadout(classes=classes),
        num_steps=num_steps,
    )


def _number(part: str, notation: str) -> int:
    found = _DENSE.fullmatch(part)
    if found is None:
        raise DescriptionError(
            f"{quoted(notation)} has {quoted(part)}, which is no layer: 15C5, 15C5s2, AP2 and 300 are"
        )
    return int(found[1])
