"""Artificial networks by name: the network, how it is trained, and how it is converted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from snnhw.ann.model import AnnModel, load_ann
from snnhw.ann.network import Ann, parse_ann
from snnhw.shipped import find_named, resolve_shipped
from snnhw.subject import SubjectKind
from snnhw.wording import shown

__all__ = ["ANN_PRESETS", "AnnPreset", "find_ann_preset", "resolve_ann"]


@dataclass(frozen=True)
class AnnPreset:
    """A named network, the options of its training on ``dataset``, and those of its conversion to ``spiking``.

    ``training`` are fields of ``snnhw.ann.train.AnnTraining``, ``conversion`` of ``snnhw.ann.convert.AnnOptions``.
    """

    name: str
    summary: str
    ann: Ann
    dataset: str
    training: Mapping[str, Any]
    conversion: Mapping[str, Any]
    spiking: str
    """What the model that it is converted to is called."""

    def __repr__(self) -> str:
        return shown(self, repr(self.name), self.summary)


def lenet5() -> Ann:
    """LeNet-5 with batch normalisation: the zeros that make 32 x 32 pixels of 28 x 28 are the first one's padding."""
    convolutions = [
        part
        for channels, padding in ((6, 2), (16, 0))
        for part in (
            {"kind": "conv2d", "channels": channels, "kernel": 5, "padding": padding},
            {"kind": "batch_norm"},
            {"kind": "relu"},
            {"kind": "max_pool2d", "size": 2},
        )
    ]
    dense = [part for units in (120, 84) for part in ({"kind": "linear", "units": units}, {"kind": "relu"})]
    output = {"kind": "linear", "units": 10}
    return parse_ann({"input_shape": (28, 28), "parts": [*convolutions, {"kind": "flatten"}, *dense, output]})


ANN_PRESETS: Mapping[str, AnnPreset] = MappingProxyType(
    {
        chosen.name: chosen
        for chosen in (
            AnnPreset(
                name="lenet5-ann",
                summary="784-6c5-P2-16c5-P2-120-84-10 in floating point, with batch normalisation",
                ann=lenet5(),
                dataset="mnist",
                training=MappingProxyType({"epochs": 40, "seed": 1}),
                conversion=MappingProxyType({"num_steps": 4, "percentile": 90.0, "most_spikes": 5}),
                spiking="lenet5",
            ),
        )
    }
)
"""The presets by name."""


def find_ann_preset(name: str) -> AnnPreset:
    """The preset of that name; raises DescriptionError with the list of those there are."""
    return find_named(name, ANN_PRESETS, SubjectKind.ANN)


def resolve_ann(name_or_path: str | Path) -> AnnModel:
    """The model in a file, or the one that ships under that name. Raises ModelFileError."""
    return resolve_shipped(name_or_path, SubjectKind.ANN, load_ann, ANN_PRESETS)
