"""A machine that infers and learns at the end of a line, held against golden: what all kinds of them share."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snnhw.commands import Command
from snnhw.host.commands import CommandBoard
from snnhw.interface import CommandInterface
from snnhw.labels import UNANSWERED
from snnhw.payloads import unpack_beats
from snnhw.tally import Divergence, Tally
from snnhw.verdict import Verdict

__all__ = ["LearningReport", "Machine", "run_machine"]

Array = NDArray[Any]
Numbers = Mapping[str, Any]
"""Numbers and arrays of integers by name."""
Fields = Mapping[str, Mapping[str, Array]]
"""The fields [n, count] of the beats of each stream that a command has given."""
Progress = Callable[[int, int, str], None]


class Machine(ABC):
    """A circuit's commands beside its golden twin, which each kind of machine has.

    Methods of golden are called in the order of the commands, and change what it keeps where those do.
    """

    @abstractmethod
    def load(self) -> list[Command]:
        """Give the circuit all that golden keeps."""

    @abstractmethod
    def infer(self, image: Array) -> Command:
        """Let the circuit infer an image."""

    @abstractmethod
    def learn(self, image: Array, label: int) -> Command:
        """Let it learn an image; ``label`` is UNANSWERED where it is not known."""

    @abstractmethod
    def dump(self) -> list[Command]:
        """Read all that the circuit keeps."""

    @abstractmethod
    def result(self, fields: Fields) -> Numbers:
        """The numbers of a command's result."""

    @abstractmethod
    def inferred(self, image: Array) -> Numbers:
        """What golden says of an image: those of the result that are compared."""

    @abstractmethod
    def learned(self, image: Array, label: int) -> Numbers:
        """Let golden learn an image: what is compared of the result."""

    @abstractmethod
    def kept(self) -> dict[str, Array]:
        """All that golden keeps."""

    @abstractmethod
    def dumped(self, fields: Sequence[Fields]) -> dict[str, Array]:
        """The same, of what the commands of `dump` gave."""

    @abstractmethod
    def answer(self, result: Numbers) -> int:
        """The class of an image by the result of its inference; UNANSWERED where there is none."""

    @abstractmethod
    def relearns(self) -> bool:
        """Whether the images that were learned are to be inferred, for `name_classes`."""

    @abstractmethod
    def name_classes(self, results: Sequence[Numbers], labels: Array) -> list[Command]:
        """Give golden and circuit the classes that follow from the inferences of images with their labels.

        Whatever else the circuit kept at the last `dumped` it keeps.
        """


@dataclass(frozen=True)
class LearningReport(Verdict):
    """What became of I images that were inferred, twice where L images were learned in between."""

    images: int
    """I"""
    learned: int
    """L"""
    results: int
    """Values of results that were compared."""
    kept: dict[str, int]
    """Values of each kind that the circuit had learned, all compared; empty where nothing was learned."""
    kept_equal: dict[str, int]
    """How many of them are golden's."""
    mismatches: int
    divergence: Divergence | None
    problems: tuple[str, ...]
    correct: int | None
    """Images whose class was told before learning; None where labels are not known."""
    correct_learned: int | None
    """The same afterwards; None also where nothing was learned."""
    infer_per_second: float | None
    """Images over the line, of the first inference; None where there were none."""
    learn_per_second: float | None
    load_seconds: float
    dump_seconds: float
    repeated: int
    """Requests that were sent again."""


def run_machine(
    board: CommandBoard,
    machine: Machine,
    images: Array,
    labels: Array | None,
    learn: Array | None = None,
    learn_labels: Array | None = None,
    progress: Progress | None = None,
) -> LearningReport:
    """Load a circuit and infer images [B, pixels]; where there are others to learn, learn, read all back, infer again.

    Everything is compared with golden, which learns too. ``labels`` [B] and ``learn_labels`` are classes. Raises
    LinkError.
    """
    board.begin()
    run = _Run(board, machine, progress or (lambda done, total, text: None))
    load_seconds = run.give("load", machine.load())[1]
    correct, infer_rate = run.infer("infer", images, labels)
    correct_learned = learn_rate = None
    kept, kept_equal, dump_seconds = dict[str, int](), dict[str, int](), 0.0
    if learn is not None:
        known = np.full(len(learn), UNANSWERED) if learn_labels is None else learn_labels
        learn_rate = run.learn(learn, known)
        kept, kept_equal, dump_seconds = run.dump()
        if machine.relearns() and learn_labels is not None:
            run.name_classes(learn, learn_labels)
        correct_learned, _ = run.infer("infer again", images, labels)
    return LearningReport(
        images=len(images),
        learned=0 if learn is None else len(learn),
        results=run.tally.counts["results"],
        kept=kept,
        kept_equal=kept_equal,
        mismatches=run.tally.mismatches,
        divergence=run.tally.divergence,
        problems=(),
        correct=correct,
        correct_learned=correct_learned,
        infer_per_second=infer_rate,
        learn_per_second=learn_rate,
        load_seconds=load_seconds,
        dump_seconds=dump_seconds,
        repeated=board.repeated,
    )


@dataclass
class _Run:
    """A board and a machine, and what was compared of them so far."""

    board: CommandBoard
    machine: Machine
    progress: Progress

    def __post_init__(self) -> None:
        self.tally = Tally(("results", "kept"), (), "step")

    def give(self, what: str, commands: list[Command]) -> tuple[list[Fields], float]:
        """Give commands: what each gave, and the seconds of all."""
        begun, found = time.perf_counter(), list[Fields]()
        for given in self._done(commands):
            found.append(given)
            self.progress(len(found), len(commands), what)
        return found, round(time.perf_counter() - begun, 3)

    def infer(self, what: str, images: Array, labels: Array | None) -> tuple[int | None, float | None]:
        """Infer images: how many were told their class, and images a second."""
        fields, seconds = self.give(what, [self.machine.infer(image) for image in images])
        results = [self.machine.result(each) for each in fields]
        for number, (image, result) in enumerate(zip(images, results, strict=True)):
            self._compare(f"{what} {number}", self.machine.inferred(image), result)
        answers = np.array([self.machine.answer(result) for result in results])
        return None if labels is None else int((answers == labels).sum()), _rate(len(images), seconds)

    def learn(self, images: Array, labels: Array) -> float | None:
        """Learn images; images a second."""
        pairs = list(zip(images, labels.tolist(), strict=True))
        fields, seconds = self.give("learn", [self.machine.learn(image, label) for image, label in pairs])
        for number, ((image, label), each) in enumerate(zip(pairs, fields, strict=True)):
            self._compare(f"learn {number}", self.machine.learned(image, label), self.machine.result(each))
        return _rate(len(images), seconds)

    def name_classes(self, images: Array, labels: Array) -> None:
        """Infer what was learned, and let classes follow from that."""
        fields, _ = self.give("name classes", [self.machine.infer(image) for image in images])
        results = [self.machine.result(each) for each in fields]
        for number, (image, result) in enumerate(zip(images, results, strict=True)):
            self._compare(f"name classes {number}", self.machine.inferred(image), result)
        self.give("load classes", self.machine.name_classes(results, labels))

    def dump(self) -> tuple[dict[str, int], dict[str, int], float]:
        """Read what the circuit keeps: the values of each kind, how many of them are golden's, and the seconds."""
        fields, seconds = self.give("read", self.machine.dump())
        golden, circuit = self.machine.kept(), self.machine.dumped(fields)
        equal = {}
        for name, values in golden.items():
            self.tally.compare("kept", "read", name, values, circuit[name])
            equal[name] = int((values == circuit[name]).sum()) if values.shape == circuit[name].shape else 0
        return {name: values.size for name, values in golden.items()}, equal, seconds

    def _done(self, commands: list[Command]) -> Iterator[Fields]:
        interface: CommandInterface = self.board.interface
        for given in self.board.do(commands):
            yield {name: unpack_beats(interface.stream(name), beats) for name, beats in given.items()}

    def _compare(self, command: str, golden: Numbers, circuit: Numbers) -> None:
        for name, value in golden.items():
            self.tally.compare("results", command, name, np.atleast_1d(value), np.atleast_1d(circuit[name]))


def _rate(images: int, seconds: float) -> float | None:
    return round(images / max(seconds, 1e-9), 2) if images else None
