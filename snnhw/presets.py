"""Named networks, and how to find a model or a network by what a user calls it.

A preset is a function whose arguments are what can be overridden, with the options of the training that made the
model of the same name that ships.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.resources import as_file
from importlib.resources.abc import Traversable
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError

from snnhw.descriptionfile import SUFFIXES, is_description, load_description
from snnhw.errors import DescriptionError, ModelFileError
from snnhw.model import Model
from snnhw.modelfile import SUFFIX, load
from snnhw.network import Dense, Direct, Layer, Leak, MembraneReadout, Network, Neuron, Spike, first_complaint
from snnhw.shipped import shipped_folder
from snnhw.subject import SubjectKind, subject_kind
from snnhw.tensorfile import load_described

__all__ = ["PRESETS", "Preset", "find_preset", "preset", "resolve_model", "resolve_network", "shipped_models"]


@dataclass(frozen=True)
class Preset:
    """A named network.

    ``build`` makes it, its arguments being the overrides; ``training`` are the options (fields of
    ``snnhw.train.TrainOptions``) that trained the shipped model on ``dataset``.
    """

    name: str
    summary: str
    build: Callable[..., Network]
    dataset: str
    training: Mapping[str, Any]

    @property
    def overrides(self) -> dict[str, Any]:
        """What can be overridden, with what it is otherwise."""
        return {name: argument.default for name, argument in inspect.signature(self.build).parameters.items()}

    def network(self, **overrides: int) -> Network:
        """The network; raises DescriptionError for an override that is unknown or impossible."""
        for name in overrides:
            if name not in self.overrides:
                known = ", ".join(self.overrides)
                raise DescriptionError(f"preset '{self.name}' has nothing called '{name}' to override; it has {known}")
        try:
            return self.build(**overrides)
        except ValidationError as error:
            given = ", ".join(f"{name}={value!r}" for name, value in overrides.items())
            raise DescriptionError(f"preset '{self.name}' with {given}: {first_complaint(error)}") from error


def mnist_mlp(
    *,
    hidden: int = 128,
    num_steps: int = 4,
    weight_bits: int = 4,
    pixel_bits: int = 4,
    threshold: int = 256,
    leak_bits: int = 2,
) -> Network:
    """A perceptron of one hidden layer: binary spikes, a leak that is a shift, the class in the membranes."""
    neuron = Neuron(leak=Leak(kind="shift", bits=leak_bits), threshold=threshold)
    return Network(
        input_shape=(28, 28),
        encoder=Direct(bits=pixel_bits),
        stages=(
            Layer(name="hidden", synapse=Dense(units=hidden, weight_bits=weight_bits), neuron=neuron),
            Layer(name="output", synapse=Dense(units=10, weight_bits=weight_bits), neuron=Neuron.integrator()),
        ),
        readout=MembraneReadout(),
        num_steps=num_steps,
    )


def mnist_graded(
    *,
    hidden: int = 50,
    num_steps: int = 4,
    weight_bits: int = 6,
    pixel_bits: int = 4,
    threshold: int = 512,
    leak: int = 16,
    output_leak: int = 16,
    spike_bits: int = 8,
) -> Network:
    """Graded spikes, membrane minus threshold, and leaks that subtract; no refractory period."""
    neuron = Neuron(
        leak=Leak(kind="subtract", amount=leak), threshold=threshold, spike=Spike(kind="residue", bits=spike_bits)
    )
    output = Neuron.integrator(leak=Leak(kind="subtract", amount=output_leak))
    return Network(
        input_shape=(28, 28),
        encoder=Direct(bits=pixel_bits),
        stages=(
            Layer(name="hidden", synapse=Dense(units=hidden, weight_bits=weight_bits), neuron=neuron),
            Layer(name="output", synapse=Dense(units=10, weight_bits=weight_bits), neuron=output),
        ),
        readout=MembraneReadout(),
        num_steps=num_steps,
    )


_GENTLE = {"rotation": 7.0, "zoom": 0.07, "shear": 0.05, "shift": 0.5, "elastic": 0.4}
"""Half a hundred neurons learn less from images that are bent as far as the trainer's defaults do."""

PRESETS: Mapping[str, Preset] = MappingProxyType(
    {
        chosen.name: chosen
        for chosen in (
            Preset(
                name="mnist-mlp",
                summary="784-128-10, weights of 4 bits, binary spikes, leak by shift, 4 steps",
                build=mnist_mlp,
                dataset="mnist",
                training=MappingProxyType({"epochs": 150, "seed": 1}),
            ),
            Preset(
                name="mnist-graded",
                summary="784-50-10, weights of 6 bits, graded spikes, leak by subtraction, 4 steps",
                build=mnist_graded,
                dataset="mnist",
                training=MappingProxyType({"epochs": 60, "seed": 1, "augment": _GENTLE}),
            ),
        )
    }
)
"""The presets by name."""


def find_preset(name: str) -> Preset:
    """The preset of that name; raises DescriptionError with the list of those there are."""
    if name not in PRESETS:
        raise DescriptionError(f"there is no preset '{name}'; there are {', '.join(PRESETS)}")
    return PRESETS[name]


def preset(name: str, **overrides: int) -> Network:
    """The network of a preset, with some of its arguments changed: ``preset("mnist-mlp", hidden=64)``."""
    return find_preset(name).network(**overrides)


def shipped_models() -> tuple[str, ...]:
    """The names of the models that ship."""
    return tuple(sorted(name.removesuffix(SUFFIX) for name in _shipped_files()))


def resolve_model(name_or_path: str | Path) -> Model:
    """The model in a file, of a description with its weights beside it, or the shipped one of that name.

    What looks like a path, or is a file, is one. Raises ModelFileError or DescriptionError.
    """
    path = Path(name_or_path)
    kind = subject_kind(path)
    if kind is not SubjectKind.NETWORK:
        raise ModelFileError(
            f"{path} is a {kind}, not a network of layers: `snnhw evaluate` and `snnhw verify` take it"
        )
    if is_description(path):
        return load_described(path)
    if path.suffix == SUFFIX or len(path.parts) > 1 or path.is_file():
        return load(path)
    shipped = _shipped_files().get(f"{path}{SUFFIX}")
    if shipped is None:
        raise ModelFileError(_no_model(str(path)))
    with as_file(shipped) as file:
        return load(file)


def resolve_network(name_or_path: str | Path, **overrides: int) -> Network:
    """The network of a preset (with overrides), a description file or a model.

    Raises DescriptionError or ModelFileError; overrides are for presets alone.
    """
    if str(name_or_path) in PRESETS:
        return preset(str(name_or_path), **overrides)
    path = Path(name_or_path)
    if overrides and (path.suffix or path.is_file()):
        raise DescriptionError(
            f"{path} says all of its network, so {next(iter(overrides))} cannot be overridden; edit it"
        )
    if is_description(path):
        return load_description(path)
    if path.suffix == SUFFIX or path.is_file():
        return load(path).network
    raise DescriptionError(
        f"there is no network '{path}'; give a preset ({', '.join(PRESETS)}), a description ({' or '.join(SUFFIXES)}) "
        f"or a model ({SUFFIX})"
    )


def _no_model(name: str) -> str:
    """Why a name is no model's, and what would be."""
    ships = ", ".join(shipped_models()) or "none"
    if name in PRESETS:
        return (
            f"no trained model of preset '{name}' ships: `snnhw train {name}` makes {name}{SUFFIX}, to be given in its "
            f"place; these ship: {ships}"
        )
    described = " or ".join(SUFFIXES)
    return (
        f"there is no model '{name}'; give the path of a {SUFFIX} file, or of a description ({described}) with its "
        f"weights beside it, or one that ships: {ships}"
    )


def _shipped_files() -> dict[str, Traversable]:
    """The networks that ship, by file name; models of other kinds lie beside them."""
    folder = shipped_folder()
    if not folder.is_dir():
        return {}
    names = {file.name: file for file in folder.iterdir() if file.name.endswith(SUFFIX)}
    return {
        name: file for name, file in names.items() if subject_kind(name.removesuffix(SUFFIX)) is SubjectKind.NETWORK
    }
