"""What a comparison runs on golden and on a circuit of commands, and the loop that does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

from numpy.typing import NDArray

from snnhw.tally import Tally

__all__ = ["CommandPlan", "SideBySide", "run_plan"]

Array = NDArray[Any]


@dataclass(frozen=True)
class CommandPlan:
    """The base of plans: dataclasses with a field for each of their ``COMMANDS``, how many images it is given for.

    ``dump_every``: number of images of a command that learns per comparison of all that is kept, which is also compared
    after its last image. Raises ValueError where it is below 1.
    """

    COMMANDS: ClassVar[tuple[str, ...]]
    """In the order in which they are run."""

    dump_every: int = field(default=1, kw_only=True)

    def __post_init__(self) -> None:
        if self.dump_every < 1:
            raise ValueError(f"dump_every must be at least 1, not {self.dump_every}")

    def count(self, command: str) -> int:
        """For how many images a command is given."""
        images: int = getattr(self, command)
        return images

    @property
    def images(self) -> int:
        """The most images that a command is given for."""
        return max(map(self.count, self.COMMANDS))

    @property
    def commands(self) -> int:
        """All of them."""
        return sum(map(self.count, self.COMMANDS))

    def dumps(self, command: str, number: int) -> bool:
        """Whether what is kept is compared after that command's image, counted from 0."""
        return (number + 1) % self.dump_every == 0 or number + 1 == self.count(command)


class SideBySide(Protocol):
    """Golden and circuit, both ready to be loaded.

    Beside ``load`` it has a method for each command of its plan, which takes an image's number, from 0, the image and
    its label, and gives the command to both.
    """

    @property
    def tally(self) -> Tally:
        """What was compared so far."""

    def load(self) -> None:
        """Give the circuit all that golden keeps."""


def run_plan(
    both: SideBySide,
    plan: CommandPlan,
    images: Array,
    labels: Array,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Load the circuit and give all commands of a plan, until one goes wrong beside values.

    A command that wants more than there are images [B, ...] with their labels [B] begins anew with the first.
    """
    both.load()
    done = 0
    for command in plan.COMMANDS:
        for number in range(plan.count(command)):
            place = number % len(images)
            getattr(both, command)(number, images[place], int(labels[place]))
            done += 1
            if progress:
                progress(done, plan.commands)
            if both.tally.problems:
                return
