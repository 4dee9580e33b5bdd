"""How what the last layer did becomes scores: the family of readouts."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from snnhw.integers import Integer, Range
from snnhw.kinds import Kind, register

__all__ = ["CountReadout", "FirstSpikeReadout", "MembraneReadout", "Readout", "VoteReadout"]


class Readout(Kind):
    """How what the last layer did becomes scores."""

    TWINS: ClassVar[tuple[str, ...]] = ("golden", "gateware", "training")

    lowest_wins: ClassVar[bool] = False
    """Whether the class of the lowest score is chosen, not that of the highest."""
    reads_membranes: ClassVar[bool] = False
    """Whether it asks for a last layer that never fires, not for one that does."""

    @property
    def text(self) -> str:
        """What scores are, in words."""
        raise NotImplementedError

    def classes_of(self, units: int) -> int:
        """The number of scores of so many neurons; raises ValueError where it cannot have so many."""
        return units

    def score_range(self, membrane: Range, counts: Range, num_steps: int) -> Range:
        """What a score can be, where neurons have such membranes and add so much to a count in a step.

        ``counts`` is of all neurons of a class together.
        """
        return Range(lo=0, hi=num_steps * counts.hi)


class MembraneReadout(Readout):
    """Scores are the membranes of the last layer, which never fires, after the last step."""

    reads_membranes: ClassVar[bool] = True

    kind: Literal["membrane"] = "membrane"

    @property
    def text(self) -> str:
        """What scores are, in words."""
        return "the last membranes"

    def score_range(self, membrane: Range, counts: Range, num_steps: int) -> Range:
        """The membranes'."""
        return membrane


class CountReadout(Readout):
    """Scores are the numbers of spikes of the last layer (a burst of k counts k)."""

    kind: Literal["count"] = "count"

    @property
    def text(self) -> str:
        """What scores are, in words."""
        return "spike counts"


class FirstSpikeReadout(Readout):
    """Scores are the steps of each neuron's first spike, num_steps for a silent one; the lowest wins."""

    lowest_wins: ClassVar[bool] = True

    kind: Literal["first_spike"] = "first_spike"

    @property
    def text(self) -> str:
        """What scores are, in words."""
        return "the steps of first spikes"

    def score_range(self, membrane: Range, counts: Range, num_steps: int) -> Range:
        """The steps, and their number."""
        return Range(lo=0, hi=num_steps)


class VoteReadout(Readout):
    """Scores are the spike counts of ``classes`` populations: neuron i votes for i // (units / classes)."""

    kind: Literal["vote"] = "vote"
    classes: Integer = Field(ge=1)

    @property
    def text(self) -> str:
        """What scores are, in words."""
        return "the spike counts of populations"

    def classes_of(self, units: int) -> int:
        """As many as it says; raises ValueError for populations that are not equal."""
        if units % self.classes:
            raise ValueError(f"vote needs equal populations: {units} neurons for {self.classes} classes")
        return self.classes


register(
    MembraneReadout,
    golden="golden.readout:MembraneScores",
    gateware="gateware.readout:MembraneScores",
    training="snnhw.train.readout:membrane",
)
register(
    CountReadout,
    golden="golden.readout:CountScores",
    gateware="gateware.readout:CountScores",
    training="snnhw.train.readout:count",
)
register(
    FirstSpikeReadout,
    golden="golden.readout:FirstSpikeScores",
    gateware="gateware.readout:FirstSpikeScores",
    training="snnhw.train.readout:first_spike",
)
register(
    VoteReadout,
    golden="golden.readout:CountScores",
    gateware="gateware.readout:CountScores",
    training="snnhw.train.readout:count",
)
