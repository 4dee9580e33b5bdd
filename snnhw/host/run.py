"""A dataset through a circuit at the end of a line, each answer held against golden's."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from golden.network import run as run_golden
from snnhw.host.board import Board
from snnhw.host.protocol import Answer
from snnhw.labels import checked_labels
from snnhw.model import Model
from snnhw.network import Range
from snnhw.samples import check_samples
from snnhw.verdict import Spread


@dataclass(frozen=True)
class Difference:
    """An image of which golden and the circuit say different things: class and scores of each."""

    image: int
    golden: tuple[int, tuple[int, ...]]
    circuit: tuple[int, tuple[int, ...]]

    def __str__(self) -> str:
        """On one line."""
        said = [
            f"class {chosen}, scores {' '.join(map(str, scores))}" for chosen, scores in (self.golden, self.circuit)
        ]
        return f"image {self.image}: golden {said[0]}; circuit {said[1]}"


@dataclass(frozen=True)
class Report:
    """What became of B images."""

    images: int
    """B"""
    equal: int
    """Of which class and scores are golden's."""
    difference: Difference | None
    """The first."""
    correct: int | None
    """None where labels are not known."""
    cycles: dict[str, float]
    """From an image's last pixels to its result: ``min``, ``mean``, ``max``."""
    seconds: float
    repeated: int
    """Requests that were sent again."""

    @property
    def images_per_second(self) -> float:
        """Over the line."""
        return self.images / max(self.seconds, 1e-9)

    def record(self) -> dict[str, Any]:
        """The report as plain data for JSON."""
        first = self.difference
        return {
            "images": self.images,
            "equal": self.equal,
            "difference": None
            if first is None
            else {
                "image": first.image,
                "golden": {"class": first.golden[0], "scores": first.golden[1]},
                "circuit": {"class": first.circuit[0], "scores": first.circuit[1]},
            },
            "correct": self.correct,
            "cycles": self.cycles,
            "seconds": self.seconds,
            "images_per_second": self.images_per_second,
            "repeated": self.repeated,
        }


def run(
    board: Board,
    model: Model,
    samples: NDArray[np.uint8],
    labels: NDArray[np.int64] | None = None,
    progress: Callable[[int, int], None] | None = None,
    room: Range | None = None,
) -> Report:
    """Classify samples uint8 [B, *sample_shape] on a board and compare with golden.

    ``labels`` are integers [B], each a class. ``room`` is that of :meth:`Board.identify_as`. Raises LinkError where the
    board does not answer, or holds another model; ValueError for samples or labels of another kind, shape or range.
    """
    samples = check_samples(model.network, samples)
    if labels is not None:
        labels = checked_labels(labels, len(samples), model.network.classes)
    identity = board.identify_as(model, room)
    started = time.perf_counter()
    answers: dict[int, Answer] = {}
    for index, answer in board.classify(identity, samples):
        answers[index] = answer
        if progress is not None:
            progress(len(answers), len(samples))
    seconds = time.perf_counter() - started
    golden = run_golden(model, samples)
    differences = []
    for index, (chosen, scores) in enumerate(zip(golden.classes.tolist(), golden.scores.tolist(), strict=True)):
        expected, found = (chosen, tuple(scores)), (answers[index].winner, answers[index].scores)
        if expected != found:
            differences.append(Difference(index, expected, found))
    cycles = np.array([answers[index].cycles for index in range(len(samples))])
    given = np.array([answers[index].winner for index in range(len(samples))])
    return Report(
        images=len(samples),
        equal=len(samples) - len(differences),
        difference=differences[0] if differences else None,
        correct=None if labels is None else int((given == labels).sum()),
        cycles=dict(vars(Spread.of(cycles))),
        seconds=seconds,
        repeated=board.repeated,
    )
