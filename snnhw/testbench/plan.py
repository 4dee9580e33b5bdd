"""What a bench does, one thing after the other: lines of Verilog, and the vectors that go with them."""

from __future__ import annotations

from abc import ABC, abstractmethod

from snnhw.testbench.subject import Subject


class Plan(ABC):
    """Lines that call the tasks of a bench, and the ``results`` that they lead to, as numbers, in order.

    Samples are sent in turn; after the last one the first one comes again.
    """

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.lines: list[str] = []
        self.results: list[int] = []
        self.sent = 0
        """Good samples so far."""

    @property
    def current(self) -> int:
        """The number of the sample that comes next."""
        return self.sent % len(self.subject.samples)

    @property
    def other(self) -> int:
        """The number of a sample that is to be lost: not the next one, where there are two."""
        return (self.sent + 1) % len(self.subject.samples)

    @abstractmethod
    def good(self, samples: int = 1) -> None:
        """Send the next samples, whole."""

    @abstractmethod
    def reset(self) -> None:
        """Reset the circuit."""

    def say(self, comment: str) -> None:
        """A comment on what comes next."""
        self.lines.append(f"// {comment}")

    def every_sample(self) -> None:
        """Send the samples that have not come before, without a pause between them."""
        if self.sent < len(self.subject.samples):
            self.say("The other samples." if self.sent else "Every sample.")
            self.good(len(self.subject.samples) - self.sent)

    def load_weights(self) -> None:
        """Where the circuit takes weights: samples wait for them, and a reset leaves them, and a load, as they are."""
        size = len(self.subject.image)
        if not size:
            return
        if not self.subject.has_spram:
            self.say("The weights that were built in.")
            self.good()
            self.lines.append("settle;")
        if size > 1:
            self.say("A load that is too short, and one that goes on after a reset.")
            self.lines.append("load(1);")
            self.missing()
            self.lines.append(f"load({size // 2});")
            self.reset()
        if size > 2:
            self.lines.append(f"load({size - size // 2 - 1});")
        self.say("A sample waits for the last byte of weights.")
        self.good()
        waits = size > 1 or self.subject.has_spram
        self.lines += ["cycles(QUIET);", *(["check_waiting;"] if waits else []), "load(1);", "settle;"]

    def missing(self) -> None:
        """Call what sees that the circuit has no weights, where the bench does not look at that all the time."""
        return
