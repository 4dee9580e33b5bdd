"""Resumable trainings of something that only counts: what every trainer can rely on."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from snnhw.errors import ModelFileError, OutputError
from snnhw.resumable import TrainingFiles, model_path, progress_of, read_progress, run_to_end, without_seconds


@dataclass(frozen=True)
class Point:
    portions: int
    seconds: float


@dataclass(frozen=True)
class Kept:
    """The model of a training that only counts."""

    provenance: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Plan(TrainingFiles):
    out: Path

    def clear(self, *, overwrite: bool = False, resume: bool = False) -> None:
        self.clear_way([self.out, self.record], overwrite=overwrite, resume=resume)


def load(path: Path) -> Kept:
    try:
        return Kept(json.loads(path.read_text()))
    except ValueError as error:
        raise ModelFileError(f"{path} is damaged; train it again") from error


def read(path: Path, identity: str = "one") -> tuple[Kept, tuple[Point, ...]]:
    return read_progress(path, load, TypeAdapter(tuple[Point, ...]), identity, "images or seed")


@dataclass
class Counting:
    """Four portions; ``told`` is all that was asked of it."""

    fails: int | None = None
    curve: tuple[Point, ...] = ()
    told: list[str] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        return len(self.curve) == 4

    def begin(self) -> None:
        self.told.append("begin")

    def resume(self, checkpoint: Path) -> None:
        _, self.curve = read(checkpoint)
        self.told.append(f"resume {len(self.curve)}")

    def advance(self) -> None:
        if len(self.curve) == self.fails:
            raise KeyboardInterrupt
        self.curve = (*self.curve, Point(len(self.curve) + 1, 0.5))
        self.told.append(f"advance {len(self.curve)}")

    def save(self, checkpoint: Path) -> None:
        checkpoint.write_text(json.dumps({"training": progress_of("one", self.curve)}))


def test_an_interrupted_training_goes_on_from_its_last_portion(tmp_path: Path):
    checkpoint, first, second = tmp_path / "m.checkpoint", Counting(fails=2), Counting()
    with pytest.raises(KeyboardInterrupt):
        run_to_end(first, checkpoint)
    run_to_end(second, checkpoint)
    assert first.told == ["begin", "advance 1", "advance 2"]
    assert second.told == ["resume 2", "advance 3", "advance 4"]
    ended = Counting()
    run_to_end(ended, checkpoint)
    assert ended.told == ["resume 4"]


def test_without_a_checkpoint_nothing_is_kept(tmp_path: Path):
    training = Counting()
    run_to_end(training, None)
    assert training.told[0] == "begin" and training.complete
    run_to_end(Counting(), tmp_path / "m.checkpoint")
    assert (tmp_path / "m.checkpoint").exists()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "is damaged; to train anew, remove it"),
        ("{}", "is no checkpoint of a training; to train anew"),
        ('{"training": {"identity": "one", "curve": [{"portions": 1}]}}', "is no checkpoint of a training; to train"),
        ('{"training": {"identity": "two", "curve": []}}', "is of another training: images or seed differ; choose as"),
    ],
)
def test_a_checkpoint_that_is_none_says_what_to_do(tmp_path: Path, content: str, said: str):
    checkpoint = tmp_path / "m.checkpoint"
    checkpoint.write_text(content)
    with pytest.raises(ModelFileError) as raised:
        read(checkpoint)
    assert str(raised.value).startswith(f"{checkpoint} {said}")


def test_a_model_file_does_not_say_how_long_its_training_took():
    said = {"seed": 1, "training": progress_of("one", [Point(1, 0.5)])}
    assert without_seconds(said) == {"seed": 1, "training": {"identity": "one", "curve": [{"portions": 1}]}}


@pytest.mark.parametrize("name", ["m.safetensors", "m.training.json"])
def test_results_in_the_way_are_kept_unless_told(tmp_path: Path, name: str):
    plan = Plan(tmp_path / "new" / "m.safetensors")
    plan.clear()
    (tmp_path / "new" / name).touch()
    with pytest.raises(OutputError, match=f"{name} is there already"):
        plan.clear()
    plan.clear(overwrite=True)


def test_a_checkpoint_in_the_way_is_gone_on_from_or_removed(tmp_path: Path):
    plan = Plan(tmp_path / "m.safetensors")
    plan.checkpoint.touch()
    with pytest.raises(OutputError, match=r"m\.checkpoint holds an interrupted training; say --resume"):
        plan.clear()
    plan.clear(resume=True)
    assert plan.checkpoint.exists()
    plan.clear(overwrite=True)
    assert not plan.checkpoint.exists()


def test_a_model_goes_where_it_was_told_or_is_named_after_what_is_trained(tmp_path: Path):
    assert model_path(None, "bars") == Path("bars.safetensors")
    assert model_path(tmp_path / "m.safetensors", "bars") == tmp_path / "m.safetensors"
    with pytest.raises(OutputError, match=r"must end with \.safetensors, not 'm\.pt'"):
        model_path("m.pt", "bars")
