from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from snnhw.plan import CommandPlan, run_plan
from snnhw.tally import Tally


@dataclass(frozen=True)
class Plan(CommandPlan):
    COMMANDS: ClassVar[tuple[str, ...]] = ("learn", "answer")

    learn: int = 3
    answer: int = 1


class Both:
    """Notes what it is told to do, and gets stuck in the command ``stuck``."""

    def __init__(self, stuck: str = "") -> None:
        self.tally = Tally(("results",), Plan.COMMANDS, "tick")
        self.did: list[object] = []
        self.stuck = stuck

    def load(self) -> None:
        self.did.append("load")

    def learn(self, number: int, image: np.ndarray, label: int) -> None:
        self._do("learn", number, image, label)

    def answer(self, number: int, image: np.ndarray, label: int) -> None:
        self._do("answer", number, image, label)

    def _do(self, command: str, number: int, image: np.ndarray, label: int) -> None:
        self.did.append((command, number, int(image[0]), label))
        if command == self.stuck:
            self.tally.problems.append("stuck")


IMAGES, LABELS = np.array([[10], [20]]), np.array([1, 2])


def test_commands_go_through_the_images_again_and_again_in_order():
    both, seen = Both(), []
    run_plan(both, Plan(), IMAGES, LABELS, lambda done, total: seen.append((done, total)))
    learned = [("learn", 0, 10, 1), ("learn", 1, 20, 2), ("learn", 2, 10, 1)]
    assert both.did == ["load", *learned, ("answer", 0, 10, 1)]
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_what_goes_wrong_ends_it():
    both = Both(stuck="learn")
    run_plan(both, Plan(), IMAGES, LABELS)
    assert both.did == ["load", ("learn", 0, 10, 1)]


def test_sizes():
    assert (Plan().images, Plan().commands) == (3, 4)


@pytest.mark.parametrize(("every", "dumped"), [(1, [0, 1, 2, 3, 4]), (2, [1, 3, 4]), (5, [4]), (9, [4])])
def test_what_is_kept_is_compared_every_so_many_images_and_after_the_last(every: int, dumped: list[int]):
    plan = Plan(learn=5, dump_every=every)
    assert [number for number in range(5) if plan.dumps("learn", number)] == dumped


def test_no_image_between_comparisons_is_refused():
    with pytest.raises(ValueError, match="dump_every must be at least 1, not 0"):
        Plan(dump_every=0)
