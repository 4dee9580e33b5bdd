"""Named networks, and how to find a model or a network by what a user calls it.

A preset is a function whose arguments are what can be overridden, with the options of the training that made the
model of the same name that ships.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError

from snnhw.descriptionfile import SUFFIXES, is_description, load_description
from snnhw.errors import DescriptionError, ModelFileError
from snnhw.kinds import plain
from snnhw.model import Model
from snnhw.modelfile import SUFFIX, load
from snnhw.network import (
    PER_CHANNEL,
    PER_NEURON,
    AddressEvents,
    Conv2d,
    CountReadout,
    Dense,
    Direct,
    Layer,
    Leak,
    MembraneReadout,
    Network,
    Neuron,
    SMaxPool2d,
    Spike,
    first_complaint,
)
from snnhw.notation import stbp_network
from snnhw.overrides import overridden
from snnhw.shipped import find_named, is_name, load_shipped, unknown_model
from snnhw.statefile import is_state_file, load_state_file
from snnhw.subject import RESOLVERS, SubjectKind, preset_names, subject_kind
from snnhw.tensorfile import description_beside, load_described
from snnhw.wording import did_you_mean, no_such, quoted, shown

__all__ = [
    "PRESETS",
    "Preset",
    "find_preset",
    "preset",
    "resolve_model",
    "resolve_network",
    "unknown_network",
]


@dataclass(frozen=True)
class Preset:
    """A named network.

    ``build`` makes it, its arguments being the overrides; ``training`` are the options (fields of
    ``snnhw.train.TrainOptions``) of its training on ``dataset``, which trained the shipped model unless that was
    ``converted``: then it is what `snnhw convert` makes of the network in floating point of that name.
    """

    name: str
    summary: str
    build: Callable[..., Network]
    dataset: str
    training: Mapping[str, Any]
    converted: str | None = None

    def __repr__(self) -> str:
        return shown(self, repr(self.name), self.summary)

    @property
    def overrides(self) -> dict[str, Any]:
        """What can be overridden, with what it is otherwise."""
        return {name: argument.default for name, argument in inspect.signature(self.build).parameters.items()}

    def network(self, **overrides: int | str) -> Network:
        """The network; raises DescriptionError for an override that is unknown or impossible.

        Paths, such as ``stages.hidden.neuron.refractory``, are those of :func:`snnhw.overrides.overridden`.
        """
        usual = self.overrides
        paths = {name: value for name, value in overrides.items() if "." in name}
        named = {name: value for name, value in overrides.items() if name not in paths}
        for name, value in named.items():
            if name not in usual:
                raise DescriptionError(f"preset '{self.name}': {no_such('setting', name, usual)}")
            if isinstance(usual[name], int) and not isinstance(plain(value), int):
                raise DescriptionError(f"preset '{self.name}': {name} must be an integer, not {quoted(value)}")
        try:
            network = self.build(**named)
        except ValidationError as error:
            given = ", ".join(f"{name}={quoted(value)}" for name, value in named.items())
            raise DescriptionError(f"preset '{self.name}' with {given}: {first_complaint(error)}") from error
        return overridden(network, paths, f"preset '{self.name}'")


def mnist_mlp(
    *,
    hidden: int = 128,
    num_steps: int = 4,
    weight_bits: int = 4,
    pixel_bits: int = 4,
    threshold: int = 256,
    leak_bits: int = 2,
    encoder: str = "direct",
    readout: str = "membrane",
) -> Network:
    """A perceptron of one hidden layer: binary spikes, a leak that is a shift, the class in the membranes."""
    neuron = Neuron(leak=Leak(kind="shift", bits=leak_bits), threshold=threshold)
    return _perceptron((hidden, neuron, Neuron.integrator()), weight_bits, pixel_bits, num_steps, encoder, readout)


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
    encoder: str = "direct",
    readout: str = "membrane",
) -> Network:
    """Graded spikes, membrane minus threshold, and leaks that subtract; no refractory period."""
    neuron = Neuron(
        leak=Leak(kind="subtract", amount=leak), threshold=threshold, spike=Spike(kind="residue", bits=spike_bits)
    )
    output = Neuron.integrator(leak=Leak(kind="subtract", amount=output_leak))
    return _perceptron((hidden, neuron, output), weight_bits, pixel_bits, num_steps, encoder, readout)


def _perceptron(
    layers: tuple[int, Neuron, Neuron], weight_bits: int, pixel_bits: int, num_steps: int, encoder: str, readout: str
) -> Network:
    """``layers``: number of hidden neurons, one of them, and the output's where the membranes are the scores."""
    hidden, neuron, integrator = layers
    output = integrator if readout == MembraneReadout.name() else neuron
    parts = {"encoder": Direct(bits=pixel_bits) if encoder == Direct.name() else encoder, "readout": readout}
    stages = (
        Layer(name="hidden", synapse=Dense(units=hidden, weight_bits=weight_bits), neuron=neuron),
        Layer(name="output", synapse=Dense(units=10, weight_bits=weight_bits), neuron=output),
    )
    return Network.model_validate({"input_shape": (28, 28), "stages": stages, "num_steps": num_steps, **parts})


def mnist_conv(
    *,
    first: int = 16,
    second: int = 40,
    third: int = 80,
    bound: int = 3,
    num_steps: int = 1,
    weight_bits: int = 4,
    pixel_bits: int = 4,
) -> Network:
    """Three convolutions of stride 2, of so many channels, and a dense layer: neurons that do not leak, no pools.

    A neuron sends up to ``bound`` spikes in a step, as one event.
    """
    spike = Spike(kind="count", bound=bound) if bound > 1 else Spike()
    kernels = {"conv1": (first, 5), "conv2": (second, 5), "conv3": (third, 3)}
    convolutions = [
        Layer(
            name=name,
            synapse=Conv2d(channels=channels, kernel=kernel, stride=2, padding=kernel // 2, weight_bits=weight_bits),
            neuron=Neuron(threshold="per_channel", spike=spike),
        )
        for name, (channels, kernel) in kernels.items()
    ]
    output = Layer(name="output", synapse=Dense(units=10, weight_bits=weight_bits), neuron=Neuron.integrator())
    return Network(
        input_shape=(1, 28, 28),
        encoder=Direct(bits=pixel_bits),
        stages=(*convolutions, output),
        readout=MembraneReadout(),
        num_steps=num_steps,
    )


def lenet5(
    *,
    num_steps: int = 4,
    weight_bits: int = 4,
    pixel_bits: int = 4,
    most_spikes: int = 5,
) -> Network:
    """LeNet-5 as a conversion makes it: neurons that start at half their thresholds, bursts, maxima of spikes."""
    fires: dict[str, Any] = {"spike": Spike(kind="count", bound=most_spikes)}
    each = {"conv": PER_CHANNEL, "hidden": PER_NEURON}
    stages: list[Layer] = []
    for number, (channels, padding) in enumerate(((6, 2), (16, 0)), start=1):
        synapse = Conv2d(channels=channels, kernel=5, padding=padding, weight_bits=weight_bits)
        neuron = Neuron(threshold=each["conv"], initial=each["conv"], **fires)
        stages.append(Layer(name=f"conv{number}", synapse=synapse, neuron=neuron))
        stages.append(Layer(name=f"pool{number}", synapse=SMaxPool2d(size=2, lateral_inhibition=True), bias=False))
    for number, units in enumerate((120, 84), start=1):
        neuron = Neuron(threshold=each["hidden"], initial=each["hidden"], **fires)
        hidden = Dense(units=units, weight_bits=weight_bits)
        stages.append(Layer(name=f"hidden{number}", synapse=hidden, neuron=neuron))
    output = Dense(units=10, weight_bits=weight_bits)
    stages.append(Layer(name="output", synapse=output, neuron=Neuron.integrator()))
    return Network(
        input_shape=(28, 28),
        encoder=Direct(bits=pixel_bits),
        stages=tuple(stages),
        readout=MembraneReadout(),
        num_steps=num_steps,
    )


def lenet5_certified(*, bound: int = 3, num_steps: int = 1, weight_bits: int = 4, pixel_bits: int = 4) -> Network:
    """LeNet-5: in one step, bursts of up to ``bound`` spikes are quantised activations of an artificial network."""
    spike = Spike(kind="count", bound=bound)
    convolutions = [
        Layer(
            name=name,
            synapse=Conv2d(channels=channels, kernel=5, padding=padding, weight_bits=weight_bits, max_pool=2),
            neuron=Neuron(threshold="per_channel", spike=spike),
        )
        for name, channels, padding in (("conv1", 6, 2), ("conv2", 16, 0))
    ]
    dense = [
        Layer(
            name=name,
            synapse=Dense(units=units, weight_bits=weight_bits),
            neuron=Neuron(threshold="per_neuron", spike=spike),
        )
        for name, units in (("dense1", 120), ("dense2", 84))
    ]
    output = Layer(name="output", synapse=Dense(units=10, weight_bits=weight_bits), neuron=Neuron.integrator())
    return Network(
        input_shape=(1, 28, 28),
        encoder=Direct(bits=pixel_bits),
        stages=(*convolutions, *dense, output),
        readout=MembraneReadout(),
        num_steps=num_steps,
    )


def mnist_conv_seed(
    *,
    first: int = 12,
    second: int = 64,
    num_steps: int = 5,
    weight_bits: int = 4,
    pixel_bits: int = 4,
    leak_bits: int = 1,
) -> Network:
    """Two convolutions with pools of the greatest current, and a dense layer: snnTorch's leaky neurons after each."""
    shared = {"leak": Leak(kind="shift", bits=leak_bits), "reset_delay": True}
    convolutions = [
        Layer(
            name=name,
            synapse=Conv2d(channels=channels, kernel=5, max_pool=2, weight_bits=weight_bits),
            neuron=Neuron(threshold="per_channel", **shared),
        )
        for name, channels in (("conv1", first), ("conv2", second))
    ]
    output = Layer(
        name="output",
        synapse=Dense(units=10, weight_bits=weight_bits),
        neuron=Neuron(threshold="per_neuron", **shared),
    )
    return Network(
        input_shape=(1, 28, 28),
        encoder=Direct(bits=pixel_bits),
        stages=(*convolutions, output),
        readout=CountReadout(),
        num_steps=num_steps,
    )


def _stbp_neuron(reset: str) -> Neuron:
    """``u = k u (1 - o) + I`` where it resets to zero, with k of 1/4; Wu et al. 2019 have 0.2 and 0.25."""
    leak = Leak(kind="multiply", amount=1, bits=2)
    return Neuron.model_validate({"leak": leak, "threshold": PER_CHANNEL, "reset": reset})


_MNIST_CNN = "15C5-P2-40C5-P2-300-10"
_NEUROMORPHIC = "128C3-128C3-AP2-128C3-256C3-AP2-1024FC-Voting"
_CIFARNET = "128C3-256C3-AP2-512C3-AP2-1024C3-512C3-1024FC-512FC-Voting"
_SMALL_NEUROMORPHIC = "16C5s2-32C3s2-64C3s2-256FC-Voting"
_SMALL_CIFARNET = "16C3-32C3-AP2-64C3-AP2-128C3-64C3-64FC-64FC-Voting"


def stbp_images(
    *,
    notation: str = _MNIST_CNN,
    channels: int = 1,
    side: int = 28,
    neunorm: str = "folded",
    reset: str = "zero",
    num_steps: int = 2,
    population: int = 10,
    weight_bits: int = 4,
    pixel_bits: int = 4,
) -> Network:
    """A network of Wu et al. for images, which go into the first convolution at every step; see `stbp_network`."""
    return stbp_network(
        notation,
        input_shape=(channels, side, side),
        encoder=Direct(bits=pixel_bits),
        num_steps=num_steps,
        neuron=_stbp_neuron(reset),
        population=population,
        neunorm=neunorm,
        weight_bits=weight_bits,
    )


def stbp_events(
    *,
    notation: str = _NEUROMORPHIC,
    channels: int = 2,
    side: int = 34,
    neunorm: str = "folded",
    reset: str = "zero",
    num_steps: int = 4,
    population: int = 10,
    weight_bits: int = 4,
    event_bits: int = 4,
) -> Network:
    """A network of Wu et al. for events of a camera, counted in each step; see `stbp_network`."""
    return stbp_network(
        notation,
        input_shape=(channels, side, side),
        encoder=AddressEvents(bits=event_bits),
        num_steps=num_steps,
        neuron=_stbp_neuron(reset),
        population=population,
        neunorm=neunorm,
        weight_bits=weight_bits,
    )


_FOLDED = {
    "epochs": 0,
    "folded": {"epochs": 60},
    "keep": "last",
    "teacher": {"epochs": 10},
    "batch_size": 128,
    "spike_penalty": 0.07,
    "threads": 1,
    "seed": 1,
}
"""Counts of spikes alone; the last epoch, as many differ by noise; one thread, since two wait for each other."""

_SNNTORCH = {
    "epochs": 5,
    "batch_size": 128,
    "learning_rate": 0.01,
    "betas": (0.9, 0.999),
    "schedule": "constant",
    "average": 0.0,
    "validation": 0,
    "augment": None,
    "loss": {"kind": "ce_rate"},
    "surrogate": {"kind": "atan", "slope": 2.0},
    "threads": 1,
    "seed": 1,
}
"""As a student project trains this network with snnTorch: the rate stays, and the last integers are kept."""

_STBP = {
    "epochs": 24,
    "batch_size": 128,
    "keep": "last",
    "loss": {"kind": "mse_vote"},
    "surrogate": {"kind": "rectangular", "slope": 0.5},
    "threads": 1,
    "seed": 1,
}
"""The loss and the surrogate of Wu et al., a threshold wide on either side."""

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
            Preset(
                name="mnist-conv",
                summary="784-16c5s2-40c5s2-80c3s2-10, weights of 4 bits, bursts of up to 3 spikes, no leak, 1 step",
                build=mnist_conv,
                dataset="mnist",
                training=MappingProxyType({**_FOLDED, "spike_penalty": 0.05}),
            ),
            Preset(
                name="mnist-conv-small",
                summary="784-8c5s2-16c5s2-32c3s2-10, weights of 4 bits, no leak, 3 steps, for the smallest ECP5",
                build=partial(mnist_conv, first=8, second=16, third=32, bound=1, num_steps=3),
                dataset="mnist",
                training=MappingProxyType({**_FOLDED, "folded": {"epochs": 40}}),
            ),
            Preset(
                name="lenet5",
                summary="784-6c5-P2-16c5-P2-120-84-10, weights of 4 bits, bursts, no leak, 4 steps",
                build=lenet5,
                dataset="mnist",
                training=MappingProxyType({"epochs": 40, "threads": 1, "seed": 1}),
                converted="lenet5-ann",
            ),
            Preset(
                name="lenet5-certified",
                summary="784-6c5p2-16c5p2-120-84-10 (LeNet-5), weights of 4 bits, bursts of up to 3 spikes, 1 step",
                build=lenet5_certified,
                dataset="mnist",
                training=MappingProxyType({**_FOLDED, "folded": {"epochs": 30}, "spike_penalty": 0.02}),
            ),
            Preset(
                name="mnist-conv-seed",
                summary="784-12c5p2-64c5p2-10, weights of 4 bits, snnTorch's leaky neurons, spike counts, 5 steps",
                build=mnist_conv_seed,
                dataset="mnist",
                training=MappingProxyType(_SNNTORCH),
            ),
            Preset(
                name="mnist-stbp",
                summary=f"784-{_MNIST_CNN} (Wu et al.), weights of 4 bits, NeuNorm, 10 neurons vote a class, 2 steps",
                build=stbp_images,
                dataset="mnist",
                training=MappingProxyType(_STBP),
            ),
            Preset(
                name="cifar10-stbp",
                summary=f"3072-{_CIFARNET} (CIFARNet of Wu et al.), NeuNorm, 8 steps",
                build=partial(stbp_images, notation=_CIFARNET, channels=3, side=32, num_steps=8),
                dataset="cifar10",
                training=MappingProxyType(_STBP),
            ),
            Preset(
                name="cifar10-stbp-small",
                summary=f"3072-{_SMALL_CIFARNET}, a small CIFARNet, NeuNorm, 4 steps",
                build=partial(stbp_images, notation=_SMALL_CIFARNET, channels=3, side=32, num_steps=4),
                dataset="cifar10",
                training=MappingProxyType(_STBP),
            ),
            Preset(
                name="n-mnist-stbp",
                summary=f"2312-{_NEUROMORPHIC} (Wu et al., for events), NeuNorm, 4 steps",
                build=stbp_events,
                dataset="n-mnist",
                training=MappingProxyType(_STBP),
            ),
            Preset(
                name="cifar10-dvs-stbp",
                summary=f"3528-{_NEUROMORPHIC} (Wu et al., for events of 42 x 42), NeuNorm, 8 steps",
                build=partial(stbp_events, side=42, num_steps=8),
                dataset="cifar10-dvs",
                training=MappingProxyType(_STBP),
            ),
            Preset(
                name="saccades-stbp",
                summary=f"2312-{_SMALL_NEUROMORPHIC} (for simulated events), no NeuNorm, 4 steps",
                build=partial(stbp_events, notation=_SMALL_NEUROMORPHIC, neunorm="none"),
                dataset="saccades-mnist",
                training=MappingProxyType(_STBP),
            ),
        )
    }
)
"""The presets by name."""


def find_preset(name: str) -> Preset:
    """The preset of that name; raises DescriptionError with the list of those there are."""
    return find_named(name, PRESETS, "preset")


def preset(name: str, **overrides: int | str) -> Network:
    """The network of a preset, with some of its arguments changed: ``preset("mnist-mlp", hidden=64)``."""
    return find_preset(name).network(**overrides)


def resolve_model(name_or_path: str | Path) -> Model:
    """The model in a file, of a description with its weights beside it, of a state_dict, or the shipped one of a name.

    What looks like a path, or is a file, is one. Raises ModelFileError or DescriptionError.
    """
    path = Path(name_or_path)
    if other := _other_kind(path):
        raise ModelFileError(other)
    described = description_beside(path) if is_state_file(path) else path
    if described is None:
        return load_state_file(path)
    if is_description(described):
        return load_described(described)
    if not is_name(path):
        return load(path)
    if str(path) not in PRESETS:
        raise ModelFileError(unknown_model(str(path), SubjectKind.NETWORK))
    return load_shipped(str(path), load)


def resolve_network(name_or_path: str | Path, **overrides: int | str) -> Network:
    """The network of a preset, a description file, a model or a state_dict, with overrides.

    Those of a file are what :func:`snnhw.overrides.overridden` takes. Raises DescriptionError or ModelFileError.
    """
    if str(name_or_path) in PRESETS:
        return preset(str(name_or_path), **overrides)
    path = Path(name_or_path)
    if other := _other_kind(path):
        raise DescriptionError(other)
    described = description_beside(path) if is_state_file(path) else path
    if described is None:
        return overridden(load_state_file(path).network, overrides, str(path))
    if is_description(described):
        return overridden(load_description(described), overrides, str(path))
    if path.suffix == SUFFIX or path.is_file():
        return overridden(load(path).network, overrides, str(path))
    raise DescriptionError(unknown_network(str(path), SubjectKind.NETWORK))


def unknown_network(name: str, *kinds: SubjectKind) -> str:
    """Why a name is that of nothing of these kinds that can be trained, and what would be."""
    names = preset_names(*kinds)
    return (
        f"there is no network {quoted(name)}{did_you_mean(name, names)}; give a preset ({', '.join(names)}), "
        f"a description ({' or '.join(SUFFIXES)}) or a model ({SUFFIX})"
    )


def _other_kind(path: Path) -> str:
    """That a name or file is of another kind than a network, and what loads it; empty where it is none."""
    kind = subject_kind(path)
    loaded = f"{path} is a {kind}, not a network of layers: {RESOLVERS[kind]} loads it"
    return loaded if kind is not SubjectKind.NETWORK else ""
