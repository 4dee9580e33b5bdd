"""784-128-10 over 4 steps as users of snnTorch and SpikingJelly write it, in floating point."""

from __future__ import annotations

from collections.abc import Callable

import snntorch
import torch
from spikingjelly.activation_based import functional, neuron
from torch import Tensor, nn

HIDDEN, CLASSES, NUM_STEPS, BETA = 128, 10, 4, 0.75


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


def train_epoch(network: nn.Module, pixels: Tensor, labels: Tensor, batch_size: int) -> Callable[[], None]:
    """A function that trains one epoch: Adam, cross-entropy, shuffled, everything in memory."""
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)

    def run() -> None:
        for batch in torch.randperm(len(pixels)).split(batch_size):
            optimizer.zero_grad()
            nn.functional.cross_entropy(network(pixels[batch]), labels[batch]).backward()
            optimizer.step()

    return run
