"""What is known of a point, and of a model on a board, once it is measured."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, computed_field

from snnhw.verdict import Spread

__all__ = ["BoardFigures", "Checked", "Figures", "PointFigures", "Table"]


class Checked(BaseModel):
    """What simulating all images tells of an implementation."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    cycles: Spread
    """Latency of an image alone."""
    interval: Spread
    """Between results, images following each other without a pause."""
    floor_cycles: float
    """What memory bandwidth alone asks for: the mean latency, as ``snnhw.timing.floor`` says."""
    floor_interval: float
    images: int
    correct: int | None
    """None without labels."""
    mismatches: int
    timing_mismatches: int
    problems: tuple[str, ...]
    values: int
    """Values compared with golden."""

    @computed_field  # type: ignore[prop-decorator]
    @property
    def floor_ratio(self) -> float:
        """How many times the floor the mean image takes."""
        return self.cycles.mean / self.floor_cycles

    @property
    def equal(self) -> bool:
        """Whether every value and every number of cycles is golden's."""
        return not (self.mismatches or self.timing_mismatches or self.problems)


class Figures(Checked):
    """An implementation that is built: its cells and its clock besides.

    Cells are those after synthesis, whatever is around the network on a board included.
    """

    name: str
    part: str
    lut: int
    lutram: int
    inv: int
    ff: int
    carry: int
    bram: float
    spram: int
    dsp: int
    fmax_mhz: float | None
    """None where no tool that comes as a package places the part."""
    clock_mhz: float
    """What times are told for."""
    met: bool
    """Whether the clock that was asked for is reached, as far as that is known."""

    @computed_field  # type: ignore[prop-decorator]
    @property
    def latency_us(self) -> float:
        """The mean image's time."""
        return self.cycles.mean / self.clock_mhz

    @computed_field  # type: ignore[prop-decorator]
    @property
    def images_per_s(self) -> float:
        """Images following each other without a pause."""
        return self.clock_mhz * 1e6 / self.interval.mean


class PointFigures(Figures):
    """A point of a model.

    ``clock_mhz`` is ``fmax_mhz``, or the part's usual clock where nothing says how fast it can be.
    """

    board: str | None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def lut_cycles(self) -> float:
        """LUTs times the mean image's cycles."""
        return self.lut * self.cycles.mean


class BoardFigures(Figures):
    """What is built for a board; ``clock_mhz`` is the clock that its circuit has there."""

    title: str
    """What a person calls the board."""
    model: str
    digest: str
    point: str | None
    """None where all neurons are there at once."""
    made: str | None
    """What the build ends with: a bitstream, or a script for the vendor's tools. None where the clock is missed."""
    bitstream_sha256: str | None


class Table(BaseModel):
    """Points of a model, and what is built for boards, measured on the same images."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    model: str
    digest: str
    dataset: str
    images: int
    tools: dict[str, str]
    points: tuple[PointFigures, ...]
    boards: tuple[BoardFigures, ...] = ()
    beside_peers: bool = True
    """Whether what others built computes such a network: without channels."""
    no_room: dict[str, str] = {}
    """Points and boards whose part is too small for the model, and what it lacks."""
