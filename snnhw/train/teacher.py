"""A teacher: a small convolutional network in floating point, whose opinion of each image is learned besides the label.

Knowledge distillation, after Hinton, Vinyals and Dean 2015, arXiv:1503.02531: the network is also to give wrong classes
the probabilities that the teacher does, both softened by a temperature.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["Teacher", "distillation", "teach"]

_CHANNELS = (16, 32, 64)
_HIDDEN = 128
_HIGHEST_RATE = 0.004


class Teacher(nn.Module):
    """Three convolutions of stride 2 and two dense layers, normalised by batches.

    ``width`` times 16, 32 and 64 channels and 128 hidden neurons. Images are uint8 [B, channels * height * width].

    The same seed gives the same initial weights, whatever the global random state, which is left as it was.
    """

    def __init__(self, size: tuple[int, int, int], classes: int, seed: int, width: int = 1) -> None:
        super().__init__()
        self.size = size
        channels, *sides = size
        planes, hidden = [width * count for count in _CHANNELS], width * _HIDDEN
        pixels = math.prod(-(-side // 8) for side in sides)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            convolutions = [
                part
                for before, after, kernel in zip((channels, *planes), planes, (5, 3, 3), strict=False)
                for part in _convolution(before, after, kernel)
            ]
            self.layers = nn.Sequential(
                *convolutions,
                nn.Flatten(),
                nn.Linear(planes[-1] * pixels, hidden),
                nn.BatchNorm1d(hidden),
                nn.ReLU(),
                nn.Linear(hidden, classes),
            )

    def forward(self, samples: Tensor) -> Tensor:
        """The logits [B, classes]."""
        logits: Tensor = self.layers(samples.view(len(samples), *self.size) / 255)
        return logits


def _convolution(before: int, after: int, kernel: int) -> list[nn.Module]:
    """A convolution that halves its planes, rounding up."""
    plane = nn.Conv2d(before, after, kernel, stride=2, padding=kernel // 2, bias=False)
    return [plane, nn.BatchNorm2d(after), nn.ReLU()]


def teach(
    teacher: Teacher,
    epoch: Callable[[], Iterable[tuple[Tensor, Tensor]]],
    epochs: int,
    batches: int,
    after_batch: Callable[[int, int, float], None],
) -> None:
    """Train a teacher and leave it in evaluation mode.

    ``epoch`` gives the ``batches`` samples and labels of one epoch; ``after_batch`` is called with the epoch and
    batch, both from 1, and the mean loss of the epoch so far.
    """
    optimiser = torch.optim.Adam(teacher.parameters(), fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, _HIGHEST_RATE, total_steps=epochs * batches)
    teacher.train()
    for number in range(1, epochs + 1):
        total = 0.0
        for batch, (samples, labels) in enumerate(epoch(), start=1):
            loss = functional.cross_entropy(teacher(samples), labels)
            optimiser.zero_grad(set_to_none=True)
            torch.autograd.backward(loss)
            optimiser.step()
            schedule.step()
            total += float(loss.detach())
            after_batch(number, batch, total / batch)
    teacher.eval()


def distillation(logits: Tensor, opinion: Tensor, temperature: float) -> Tensor:
    """The mean divergence of the softened probabilities from the teacher's, times the square of the temperature."""
    own = functional.log_softmax(logits / temperature, dim=1)
    wanted = functional.log_softmax(opinion / temperature, dim=1)
    return functional.kl_div(own, wanted, reduction="batchmean", log_target=True) * temperature**2
