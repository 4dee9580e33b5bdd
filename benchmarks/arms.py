"""The networks that :mod:`benchmarks.cnn_beside_snn` compares, and their trainings, epoch by epoch.

A CNN in floating point, with and without ReLU, and `mnist-conv-seed`, the spiking network of the same layers, over 50
steps and over those of the model that ships. All have Adam's betas, the batches and the images of the student project.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from pydantic import BaseModel, ConfigDict
from torch import Tensor, nn
from torch.nn import functional

from snnhw.data import Dataset
from snnhw.files import replacing, write_atomically
from snnhw.network import Network
from snnhw.presets import PRESETS, preset
from snnhw.train import Progress, TrainOptions, train

__all__ = ["ARMS", "BETAS", "PRESET", "Arm", "Course", "Data", "Epoch", "batches", "cnn", "options", "read", "training"]

PRESET = "mnist-conv-seed"
BATCH_SIZE, LEARNING_RATE, BETAS = 128, 0.01, (0.9, 0.999)
SEED = 1
GROUP = 67
"""Batches whose losses are recorded as one mean: a seventh of an epoch of MNIST."""
_TOGETHER = 1000
"""Images that are scored together."""

Report = Callable[[str], None]
Data = tuple[Dataset, Dataset]
"""Training and test images."""


@dataclass(frozen=True)
class Arm:
    """A network that is trained: ``num_steps`` of a spiking one, None of a CNN, ``relu`` where that has some."""

    name: str
    what: str
    num_steps: int | None = None
    relu: bool = False

    @property
    def network(self) -> Network:
        """The description of a spiking one."""
        assert self.num_steps is not None
        return preset(PRESET, num_steps=self.num_steps)


_SHORT = preset(PRESET).num_steps
ARMS: Mapping[str, Arm] = {
    arm.name: arm
    for arm in (
        Arm("cnn", "CNN as the report prints it, no ReLU"),
        Arm("cnn-relu", "CNN, ReLU after each pool", relu=True),
        Arm("snn-50", "SNN, 50 steps", num_steps=50),
        Arm(f"snn-{_SHORT}", f"SNN, {_SHORT} steps", num_steps=_SHORT),
    )
}


class Epoch(BaseModel):
    """One pass over the training images."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cpu_seconds: float
    """Of training, without the scoring of test images."""
    correct: int
    """Test images, of `Course.images`."""
    loss: float
    """The mean over the batches."""
    losses: list[float]
    """The means of groups of `GROUP` batches, in order."""
    deviations: list[float]
    """The standard deviations over the batches of each group."""


class Course(BaseModel):
    """How a training went so far."""

    model_config = ConfigDict(extra="forbid")

    arm: str
    samples: int
    """Training images."""
    images: int
    """Test images."""
    epochs: list[Epoch] = []

    @property
    def batches(self) -> int:
        """Of an epoch."""
        return math.ceil(self.samples / BATCH_SIZE)


def read(path: Path, arm: Arm, data: Data) -> Course:
    """The course in a file, or one that has not begun."""
    if path.exists():
        return Course.model_validate_json(path.read_bytes())
    return Course(arm=arm.name, samples=len(data[0]), images=len(data[1]))


def epoch_of(losses: Sequence[float], cpu_seconds: float, correct: int) -> Epoch:
    """An epoch from the loss of each batch."""
    groups = [losses[start : start + GROUP] for start in range(0, len(losses), GROUP)]
    return Epoch(
        cpu_seconds=round(cpu_seconds, 2),
        correct=correct,
        loss=round(statistics.fmean(losses), 5),
        losses=[round(statistics.fmean(group), 4) for group in groups],
        deviations=[round(statistics.pstdev(group), 4) for group in groups],
    )


def training(arm: Arm, data: Data, epochs: int, folder: Path, report: Report) -> Course:
    """Train an arm until it has that many epochs, from where its files in the folder are; the course is among them."""
    course = read(folder / f"{arm.name}.json", arm, data)
    if len(course.epochs) < epochs:
        (_train_snn if arm.num_steps else _train_cnn)(arm, data, epochs, folder, course, report)
    return course


def _record(course: Course, epoch: Epoch, folder: Path, report: Report) -> None:
    course.epochs.append(epoch)
    write_atomically(folder / f"{course.arm}.json", course.model_dump_json() + "\n")
    report(
        f"{course.arm}, epoch {len(course.epochs)}: {100 * epoch.correct / course.images:.2f} % of the test images, "
        f"loss {epoch.loss:.4f}, {epoch.cpu_seconds:.1f} CPU seconds"
    )


def options(epochs: int) -> TrainOptions:
    """The preset's, for so many epochs."""
    return TrainOptions.model_validate({**PRESETS[PRESET].training, "epochs": epochs})


def _train_snn(arm: Arm, data: Data, epochs: int, folder: Path, course: Course, report: Report) -> None:
    """With `snnhw.train`, whose checkpoint is in the folder."""
    means: list[float] = []
    start = last = time.process_time()

    def after(progress: Progress) -> None:
        nonlocal start, last
        if progress.scored is None:
            means.append(progress.loss)
            last = time.process_time()
            return
        assert progress.scored.test is not None
        del course.epochs[progress.epoch - 1 :]
        losses = list(batch_losses(means, BATCH_SIZE, course.samples))
        _record(course, epoch_of(losses, last - start, progress.scored.test.correct), folder, report)
        means.clear()
        start = time.process_time()

    train(
        arm.network,
        data[0],
        options(epochs),
        test=data[1],
        checkpoint=folder / f"{arm.name}.checkpoint",
        on_progress=after,
    )


def batch_losses(means: list[float], size: int, samples: int) -> Iterator[float]:
    """The loss of each batch from the mean of the epoch up to it; the last batch may be smaller than ``size``."""
    before, total = 0, 0.0
    for mean in means:
        seen = min(before + size, samples)
        yield (mean * seen - total) / (seen - before)
        before, total = seen, mean * seen


def cnn(relu: bool) -> nn.Sequential:
    """The CNN as the report prints it; ``relu`` puts one behind each pool."""
    layers: list[nn.Module] = []
    for before, channels in ((1, 12), (12, 64)):
        layers += [nn.Conv2d(before, channels, 5), nn.MaxPool2d(2), *([nn.ReLU()] if relu else [])]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(1024, 10))


def pixels(dataset: Dataset) -> Tensor:
    """Images [B, 1, 28, 28] in 0..1."""
    return torch.from_numpy(dataset.images.reshape(-1, 1, 28, 28) / 255).float()


def batches(images: Tensor, labels: Tensor, generator: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
    """All images once, in a new order."""
    order = torch.randperm(len(images), generator=generator)
    for chosen in torch.split(order, BATCH_SIZE):
        yield images[chosen], labels[chosen]


def improve(network: nn.Module, optimiser: torch.optim.Optimizer, images: Tensor, labels: Tensor) -> float:
    """A step of the optimiser; the loss that the batch had."""
    loss = functional.cross_entropy(network(images), labels)
    optimiser.zero_grad(set_to_none=True)
    torch.autograd.backward(loss)
    optimiser.step()
    return float(loss.detach())


def adam(network: nn.Module) -> torch.optim.Optimizer:
    """As the report has it."""
    return torch.optim.Adam(network.parameters(), lr=LEARNING_RATE, betas=BETAS)


def _train_cnn(arm: Arm, data: Data, epochs: int, folder: Path, course: Course, report: Report) -> None:
    """In a plain loop; the checkpoint has all that a later run goes on from."""
    torch.manual_seed(SEED)
    network, generator = cnn(arm.relu), torch.Generator().manual_seed(SEED)
    optimiser = adam(network)
    (images, labels), (test, wanted) = ((pixels(part), torch.tensor(part.labels)) for part in data)
    checkpoint = folder / f"{arm.name}.checkpoint"
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True)
        network.load_state_dict(state["network"])
        optimiser.load_state_dict(state["optimiser"])
        generator.set_state(state["generator"])
        del course.epochs[state["epochs"] :]
    while len(course.epochs) < epochs:
        start = time.process_time()
        losses = [improve(network, optimiser, *batch) for batch in batches(images, labels, generator)]
        taken = time.process_time() - start
        with torch.no_grad():
            chosen = torch.cat([network(part).argmax(1) for part in torch.split(test, _TOGETHER)])
        _record(course, epoch_of(losses, taken, int((chosen == wanted).sum())), folder, report)
        state = {"network": network.state_dict(), "optimiser": optimiser.state_dict()}
        state |= {"generator": generator.get_state(), "epochs": len(course.epochs)}
        with replacing(checkpoint) as temporary:
            torch.save(state, temporary)
