"""Batches: the samples in a new order for every epoch, deformed, and with a teacher's opinion where there is one."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from snnhw.train.dropout import NOTHING_DROPPED, Dropout, Factors
from snnhw.train.teacher import Teacher

__all__ = ["Batch", "Batches"]


@dataclass(frozen=True)
class Batch:
    """What one step of the optimiser learns from."""

    samples: Tensor
    """uint8 [B, inputs], or [B, num_steps, inputs] where the input is events."""
    labels: Tensor
    """int64 [B]"""
    opinion: Tensor | None
    """The logits [B, classes] of the teacher, where there is one."""
    factors: Factors
    """What drops events in this step; empty where nothing does."""


@dataclass
class Batches:
    """All samples and labels, with what is done to them before they are learned from."""

    samples: Tensor
    labels: Tensor
    size: int
    generator: Generator
    """Of orders, deformations and dropout; drawn from by one thread at a time, so that it always gives the same."""
    augmenter: Callable[[Tensor, Generator], Tensor] | None
    prefetch: bool
    """Whether a thread of its own makes the next batch while one is learned from."""
    dropout: Dropout | None = None
    teacher: Teacher | None = None

    def __len__(self) -> int:
        return math.ceil(len(self.samples) / self.size)

    def epoch(self) -> Iterator[Batch]:
        """All samples once, in a new order."""
        order = torch.randperm(len(self.samples), generator=self.generator)
        choices = torch.split(order, self.size)
        if not self.prefetch:
            yield from map(self._make, choices)
            return
        with ThreadPoolExecutor(max_workers=1) as pool:
            coming = pool.submit(self._make, choices[0])
            for chosen in choices[1:]:
                ready, coming = coming, pool.submit(self._make, chosen)
                yield ready.result()
            yield coming.result()

    @torch.no_grad()
    def _make(self, chosen: Tensor) -> Batch:
        samples = self.samples[chosen]
        if self.augmenter is not None:
            samples = self.augmenter(samples, self.generator)
        opinion = None if self.teacher is None else self.teacher(samples)
        factors = NOTHING_DROPPED if self.dropout is None else self.dropout.draw(len(chosen), self.generator)
        return Batch(samples, self.labels[chosen], opinion, factors)
