"""Networks over 4 steps as users of snnTorch and SpikingJelly write them, in floating point."""

from __future__ import annotations

from collections.abc import Callable

import snntorch
import torch
from spikingjelly.activation_based import functional, layer, neuron
from torch import Tensor, nn

HIDDEN, CLASSES, NUM_STEPS, BETA = 128, 10, 4, 0.75
CONVOLUTIONS = ((12, 5), (32, 5), (64, 3))
"""Channels and kernel of each convolution; all have stride 2 and a padding that keeps half the side."""
BEFORE = (1, *(channels for channels, _ in CONVOLUTIONS[:-1]))
"""Channels that reach each convolution."""
SIDE, FEATURES = 28, 64 * 4 * 4


class SnnTorchNetwork(nn.Module):
    """Two linear layers with ``snntorch.Leaky``; the class is in the last membrane.

    ``hoisted`` computes the first layer's constant current once instead of at every step.
    """

    def __init__(self, *, hoisted: bool) -> None:
        super().__init__()
        self.hoisted = hoisted
        self.fc1, self.fc2 = nn.Linear(784, HIDDEN), nn.Linear(HIDDEN, CLASSES)
        self.lif1 = snntorch.Leaky(beta=BETA)
        self.lif2 = snntorch.Leaky(beta=1.0, reset_mechanism="none")

    def forward(self, pixels: Tensor) -> Tensor:
        """Scores [B, 10] of pixels [B, 784] in 0..1."""
        membrane1, membrane2 = self.lif1.reset_mem(), self.lif2.reset_mem()
        current = self.fc1(pixels) if self.hoisted else None
        for _ in range(NUM_STEPS):
            spikes, membrane1 = self.lif1(self.fc1(pixels) if current is None else current, membrane1)
            _, membrane2 = self.lif2(self.fc2(spikes), membrane2)
        return membrane2


class SpikingJellyNetwork(nn.Module):
    """Two linear layers with ``LIFNode`` and an accumulating output, single-step mode."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(784, HIDDEN), nn.Linear(HIDDEN, CLASSES)
        self.lif1 = neuron.LIFNode(tau=1 / (1 - BETA), decay_input=False, v_reset=None)

    def forward(self, pixels: Tensor) -> Tensor:
        """Scores [B, 10] of pixels [B, 784] in 0..1."""
        functional.reset_net(self)
        scores = torch.zeros(len(pixels), CLASSES)
        for _ in range(NUM_STEPS):
            scores = scores + self.fc2(self.lif1(self.fc1(pixels)))
        return scores


class SnnTorchConvNetwork(nn.Module):
    """Three convolutions with ``snntorch.Leaky`` that does not leak, and a dense layer; the class is in its membrane.

    ``hoisted`` computes the first convolution's constant current once instead of at every step.
    """

    def __init__(self, *, hoisted: bool) -> None:
        super().__init__()
        self.hoisted = hoisted
        self.convolutions = nn.ModuleList(
            nn.Conv2d(before, channels, kernel, stride=2, padding=kernel // 2)
            for before, (channels, kernel) in zip(BEFORE, CONVOLUTIONS, strict=True)
        )
        self.neurons = nn.ModuleList(snntorch.Leaky(beta=1.0) for _ in CONVOLUTIONS)
        self.fc = nn.Linear(FEATURES, CLASSES)
        self.last = snntorch.Leaky(beta=1.0, reset_mechanism="none")

    def forward(self, pixels: Tensor) -> Tensor:
        """Scores [B, 10] of pixels [B, 784] in 0..1."""
        images = pixels.view(-1, 1, SIDE, SIDE)
        membranes = [neurons.reset_mem() for neurons in self.neurons]
        membrane = self.last.reset_mem()
        first = self.convolutions[0](images) if self.hoisted else None
        for _ in range(NUM_STEPS):
            spikes = images
            for index, (convolution, neurons) in enumerate(zip(self.convolutions, self.neurons, strict=True)):
                current = convolution(spikes) if first is None or index else first
                spikes, membranes[index] = neurons(current, membranes[index])
            _, membrane = self.last(self.fc(spikes.flatten(1)), membrane)
        return membrane


class SpikingJellyConvNetwork(nn.Module):
    """Three convolutions with ``IFNode`` and an accumulating output, all steps of a layer at once (``step_mode="m"``).

    ``hoisted`` computes the first convolution's constant current once instead of at every step.
    """

    def __init__(self, *, hoisted: bool) -> None:
        super().__init__()
        self.hoisted = hoisted
        parts: list[nn.Module] = []
        for before, (channels, kernel) in zip(BEFORE, CONVOLUTIONS, strict=True):
            parts.append(layer.Conv2d(before, channels, kernel, stride=2, padding=kernel // 2))
            parts.append(neuron.IFNode(v_reset=None))
        self.first, self.rest = parts[0], nn.Sequential(*parts[1:], layer.Flatten(), layer.Linear(FEATURES, CLASSES))
        functional.set_step_mode(self.rest, "m")
        functional.set_step_mode(self.first, "s" if hoisted else "m")

    def forward(self, pixels: Tensor) -> Tensor:
        """Scores [B, 10] of pixels [B, 784] in 0..1."""
        functional.reset_net(self)
        images = pixels.view(-1, 1, SIDE, SIDE)
        if self.hoisted:
            currents = self.first(images).unsqueeze(0).repeat(NUM_STEPS, 1, 1, 1, 1)
        else:
            currents = self.first(images.unsqueeze(0).repeat(NUM_STEPS, 1, 1, 1, 1))
        return self.rest(currents).sum(dim=0)


def train_epoch(network: nn.Module, pixels: Tensor, labels: Tensor, batch_size: int) -> Callable[[], None]:
    """A function that trains one epoch: Adam, cross-entropy, shuffled, everything in memory."""
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)

    def run() -> None:
        for batch in torch.randperm(len(pixels)).split(batch_size):
            optimizer.zero_grad()
            nn.functional.cross_entropy(network(pixels[batch]), labels[batch]).backward()
            optimizer.step()

    return run
