"""Points and boards measured for real on a small model: the JSON, the page, the plot, and what is refused."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import snnhw.bench.measure
from snnhw.bench import page
from snnhw.bench.figures import BoardFigures, Checked, PointFigures, Table
from snnhw.bench.measure import Example, measure
from snnhw.bench.peers import PEERS
from snnhw.bench.plot import plot
from snnhw.cli.app import run
from snnhw.data import Dataset
from snnhw.design import Design
from snnhw.errors import DatasetError, FitError, OutputError
from snnhw.fpga.boards import board_names
from snnhw.model import Model, tensor_shapes
from snnhw.modelfile import save
from snnhw.points import POINTS, Point
from snnhw.presets import preset
from snnhw.simulate import cache
from snnhw.toolcache import TOOLS
from snnhw.verification import verify
from tests.docs.markdown import ROOT, code
from tests.docs.markdown import table as table_of
from tests.snnhw.bench.measured import board_figures, figures, spread, table

BEGIN, END = page.marks("small")
PLOT = page.plot_name("small")

KEYS = {
    *("name", "part", "lut", "ff", "bram", "dsp", "fmax_mhz", "cycles", "images_per_s", "correct", "mismatches"),
    *("lut_cycles", "floor_cycles"),
}
"""Of a point, what must be there."""


def small() -> Model:
    network = preset("mnist-mlp", hidden=4, num_steps=2, threshold=40).model_copy(update={"input_shape": (4, 4)})
    rng = np.random.default_rng(5)
    return Model(network, {name: rng.integers(-8, 8, shape) for name, shape in tensor_shapes(network).items()})


def images() -> Dataset:
    rng = np.random.default_rng(6)
    return Dataset(rng.integers(0, 256, (30, 4, 4), np.uint8), rng.integers(0, 10, 30), "digits")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a small model and a dataset."""
    monkeypatch.chdir(tmp_path)
    save(small(), "small.safetensors")
    dataset = images()
    np.savez("digits.npz", images=dataset.images, labels=dataset.labels)
    Path("page.md").write_text(f"# Page\n\n{BEGIN}\nold\n{END}\n\nThe end.\n")
    return tmp_path


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is measured yet; what is compiled stands in the cache that all tests share."""
    own = tmp_path / "cache"
    for kind in ("circuit", "runtime"):
        shared = cache.entry(kind, "")
        shared.mkdir(parents=True, exist_ok=True)
        place = own / shared.relative_to(cache.root())
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(shared)
    (cache.root() / TOOLS).mkdir(parents=True, exist_ok=True)
    (own / TOOLS).symlink_to(cache.root() / TOOLS)
    monkeypatch.setenv("SNNHW_CACHE", str(own))


@pytest.mark.long
@pytest.mark.usefixtures("own_cache")
def test_points_measured(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    arguments = ["bench", "small.safetensors", "--points", "up5k", "--boards", "icebreaker", "--dataset", "digits.npz"]
    assert run([*arguments, "--json", "--out", "made", "--write", "page.md"]) == 0
    captured = capsys.readouterr()
    stages = captured.err.splitlines()
    assert stages[:2] == ["snnhw: up5k: elaborating", "snnhw: up5k: synthesising"]
    assert stages[-2:] == ["snnhw: icebreaker: elaborating", "snnhw: icebreaker: 30 images"]
    shown = json.loads(captured.out)
    assert json.loads(Path("made/bench.json").read_text()) == shown
    (point,) = shown["points"]
    assert set(point) >= KEYS
    assert (point["mismatches"], point["timing_mismatches"], point["images"]) == (0, 0, 30)
    assert point["cycles"]["min"] <= point["cycles"]["mean"] <= point["cycles"]["max"]
    assert 0 < point["floor_cycles"] <= point["cycles"]["mean"]
    assert point["lut_cycles"] == pytest.approx(point["lut"] * point["cycles"]["mean"])
    assert point["images_per_s"] == pytest.approx(point["clock_mhz"] * 1e6 / point["interval"]["mean"])
    assert (point["part"], point["board"], point["spram"]) == ("up5k", "icebreaker", 2)
    assert point["fmax_mhz"] == point["clock_mhz"] >= 24
    (board,) = shown["boards"]
    assert (board["model"], board["digest"], board["point"]) == ("small.safetensors", small().digest, "up5k")
    alike = set(point) & set(board) - {"name"}
    assert {key: board[key] for key in alike} == {**{key: point[key] for key in alike}, **_times(board, 24)}
    assert (board["name"], board["title"], board["made"]) == ("icebreaker", "iCEBreaker", "snn.bin")
    assert len(shown["peers"]) == len(PEERS)
    text = Path("page.md").read_text()
    assert text.startswith(f"# Page\n\n{BEGIN}\n")
    assert text.endswith(f"{END}\n\nThe end.\n")
    assert "| `up5k` | icebreaker |" in text
    assert "| `icebreaker` | `small.safetensors` | up5k | up5k |" in text
    assert f"{BEGIN}\nold" not in text
    assert Path(PLOT).read_bytes() == Path("made", PLOT).read_bytes()

    monkeypatch.setattr(snnhw.bench.measure, "build_in", None)
    monkeypatch.setattr(snnhw.bench.measure, "verify", None)
    assert run([*arguments, "--json"]) == 0, "a second run takes all that is long out of the cache"
    assert json.loads(capsys.readouterr().out) == shown


def _times(board: dict[str, Any], clock_mhz: float) -> dict[str, Any]:
    """What follows from the clock that a board has."""
    latency_us, images_per_s = board["cycles"]["mean"] / clock_mhz, clock_mhz * 1e6 / board["interval"]["mean"]
    return {
        "clock_mhz": pytest.approx(clock_mhz),
        "latency_us": pytest.approx(latency_us),
        "images_per_s": pytest.approx(images_per_s),
    }


@pytest.mark.slow
@pytest.mark.usefixtures("own_cache")
def test_a_circuit_that_differs_is_seen(monkeypatch: pytest.MonkeyPatch):
    """The circuit of another model stands in for the point's own."""
    other = Model(small().network, {name: -tensor - 1 for name, tensor in small().tensors.items()})
    from snnhw.simulate.engines import engine

    def planted(design: Design, *arguments: Any, **options: Any) -> Any:
        circuit = engine("verilator").engine.simulator(replace(design, model=other), 10)
        return verify(design, *arguments, **options, simulator=circuit)

    monkeypatch.setattr(snnhw.bench.measure, "verify", planted)
    bench = snnhw.bench.measure._Bench("small", small(), images())
    found = bench.checked(Design(bench.model, POINTS["small"].implementation(small().network)))
    assert found.mismatches == 30
    assert not found.equal


@pytest.mark.parametrize(
    ("dataset", "message"),
    [
        (Dataset(images().images, images().labels + 1, "own"), "the labels of own go from 1 to 10, and .* subtract 1"),
        (
            Dataset(images().images[:, 1:], None, "own"),
            "the network takes images of 4 x 4, and those of own are of 3 x",
        ),
    ],
)
def test_data_that_do_not_fit_are_refused_before_anything_is_built(dataset: Dataset, message: str):
    with pytest.raises(DatasetError, match=message):
        measure("small", small(), (POINTS["small"],), (), dataset, lambda *_: None)


def test_the_page_of_points_that_are_equal():
    text = page.page(table(figures("fast"), figures("up5k", fmax_mhz=26.7, clock_mhz=26.7)))
    assert "18,000 values of all points compared with golden, and none differs" in text
    assert "| `fast` | xc7a35t | 400 | 8 | 2 | 500 | 30 | 1.5 | 0 | 0 | 120,000 |" in text
    assert "1 / 300.0 / 900 | 250.0 | 1.20 | 200.0 | 180.0 | 26.7 (Fmax) | 11.24 | 133,500 | 5 |" in text
    assert "100.0 (assumed)" in text
    assert "times its floor" not in text
    for peer in PEERS:
        assert peer.name in text
    assert "yosys 0.23 (synth_xilinx without -abc9)" in text


@pytest.mark.slow
def test_networks_with_channels_do_not_stand_beside_dense_ones(tmp_path: Path):
    shown = table(figures("fast"), beside_peers=False)
    text = page.page(shown)
    assert f"![latency and LUTs of the points]({PLOT})" in text
    assert "Spiker" not in text
    drawn = plot(shown, tmp_path / PLOT).read_text()
    assert ">fast<" in drawn
    assert "Spiker" not in drawn
    assert "others" not in drawn


def test_tables_of_two_models_stand_in_a_page(folder: Path):
    own, other = page.marks("small.safetensors"), page.marks("folder/other.safetensors")
    assert own == (BEGIN, END)
    Path("page.md").write_text(f"{other[0]}\nkept\n{other[1]}\n{BEGIN}\nold\n{END}\n")
    page.write(Path("page.md"), "new", own)
    assert Path("page.md").read_text() == f"{other[0]}\nkept\n{other[1]}\n{BEGIN}\n\nnew\n{END}\n"
    page.write(Path("page.md"), "too", other)
    assert "kept" not in Path("page.md").read_text()
    assert "new" in Path("page.md").read_text()


def test_a_part_that_is_far_too_small_is_told_before_anything_is_elaborated(monkeypatch: pytest.MonkeyPatch):
    network = preset("mnist-mlp", hidden=600).model_copy(update={"input_shape": (4, 4)})
    rng = np.random.default_rng(5)
    model = Model(network, {name: rng.integers(-8, 8, shape) for name, shape in tensor_shapes(network).items()})
    monkeypatch.setattr(snnhw.bench.measure, "emit", None)
    found = measure("large", model, (replace(POINTS["tiny"], part="hx1k"),), (), images(), lambda *_: None)
    assert "needs at least 24 block RAMs (13 of them in hidden), and the hx1k has 16" in found.no_room["tiny"]
    assert found.beside_peers


def test_the_page_says_what_is_not_as_it_should_be():
    far = figures("fast", floor_cycles=150.0, mismatches=2, met=False, fmax_mhz=90.0)
    text = page.page(table(far, figures("small")))
    assert "`fast` takes 2.00 times its floor: the other 150 cycles" in text
    assert "fast NOT EQUAL to golden" in text
    assert "`fast` misses the clock" in text
    assert "`small` misses" not in text
    assert "none differs" not in text


def test_the_page_of_boards():
    boards = (board_figures("icebreaker", fmax_mhz=26.1), board_figures("arty-a7", made="build.tcl"))
    text = page.page(table(boards=boards))
    assert "18,000 values of all boards compared with golden, and none differs" in text
    assert (
        "| `icebreaker` | `small` | up5k | up5k | 400 | 500 | 1.5 | 0 | 24 | 26.1 | 300.0 | 12.50 | 5 | snn.bin |"
    ) in text
    assert "| 100 | not placed | 300.0 | 3.00 | 5 | build.tcl |" in text
    assert "misses" not in text
    assert page.plot_name("small") not in text, "there are no points to draw"
    missed = board_figures("icebreaker", fmax_mhz=20.0, met=False, made=None, mismatches=1)
    text = page.page(table(figures("fast"), boards=(missed,)))
    assert "`icebreaker` misses the clock that was asked for: 20.0 MHz is what it reaches." in text
    assert "icebreaker NOT EQUAL to golden" in text
    assert "9,000 values of all points compared with golden, and none differs" in text
    assert "| 12.50 | 5 | - |" in text


def test_a_page_without_marks_is_refused_at_once(folder: Path, capsys: pytest.CaptureFixture[str]):
    Path("bare.md").write_text(f"text {BEGIN}")
    for name in ("bare.md", "missing.md"):
        with pytest.raises(OutputError):
            page.write(Path(name), "tables", (BEGIN, END))
        assert run(["bench", "small.safetensors", "--dataset", "digits.npz", "--write", name]) == 2
        error = capsys.readouterr().err
        assert name in error
        assert error.count("\n") == 1
    assert Path("bare.md").read_text() == f"text {BEGIN}"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"mismatches": 2}, "2 of 30 images differ from golden"),
        ({"timing_mismatches": 3}, "3 numbers of cycles are not as predicted"),
        ({"problems": ("it got stuck",)}, "it got stuck"),
        ({"met": False, "fmax_mhz": 20.0}, "the clock is missed, 20.0 MHz reached"),
    ],
)
def test_a_point_or_board_that_fails_is_status_1(
    changes: dict[str, Any],
    said: str,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    missed = board_figures("icebreaker", **changes)
    found = table(figures("fast"), figures("small", **changes), boards=(missed,))
    monkeypatch.setattr(snnhw.bench.measure, "measure", lambda *_: found)
    assert run(["bench", "small.safetensors", "--dataset", "digits.npz"]) == 1
    error = capsys.readouterr().err
    assert all(f"{name}: {said}" in error for name in ("small", "icebreaker"))
    assert "fast" not in error


@pytest.mark.parametrize(("words", "status"), [([], 0), (["--boards", "icebreaker"], 1), (["--points", "up5k"], 1)])
def test_a_part_without_room_is_told(
    words: list[str],
    status: int,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    class Full:
        """Stands for a bench whose second part is too small."""

        def __init__(self, *_: object):
            pass

        def point_figures(self, chosen: Point, *_: object) -> PointFigures:
            if chosen.name == "up5k":
                raise FitError("there are 30 block RAMs")
            return figures(chosen.name)

        def board_figures(self, example: Example, *_: object) -> BoardFigures:
            if example.name == "icebreaker":
                raise FitError("there are 30 block RAMs")
            return board_figures(example.name)

    monkeypatch.setattr(snnhw.bench.measure, "_Bench", Full)
    missing = {words[1]} if words else {"up5k", "icebreaker"}
    line = ["bench", "small.safetensors", *words, "--dataset", "digits.npz", "--write", "page.md", "--json"]
    assert run(line) == status
    captured = capsys.readouterr()
    shown = json.loads(captured.out)
    assert shown["no_room"] == dict.fromkeys(missing, "there are 30 block RAMs")
    assert all(f"{name}: there are 30 block RAMs" in captured.err for name in missing)
    assert all(f"There is no room for `{name}`: there are 30" in Path("page.md").read_text() for name in missing)
    assert not missing & {found["name"] for found in (*shown["points"], *shown["boards"])}


def test_without_mnist_the_sample_is_taken(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("SNNHW_DATA", str(folder))
    taken: list[Dataset] = []
    monkeypatch.setattr(snnhw.bench.measure, "measure", _measured(taken))
    assert run(["bench"]) == 0
    captured = capsys.readouterr()
    assert "measuring on sample: mnist is not on this machine" in captured.err
    assert taken[0].name == "sample"
    assert all(f"`{name}`" in captured.out for name in (*POINTS, *board_names()))


def _measured(taken: list[Dataset]) -> Any:
    """Stands for `measure`: what is asked for as if it had been measured, and the dataset in a list."""

    def measured(
        name: str, model: Model, points: Sequence[Point], examples: Sequence[Example], dataset: Dataset, on_step: Any
    ) -> Table:
        taken.append(dataset)
        boards = tuple(board_figures(example.name, model=example.model_name) for example in examples)
        return table(*(figures(point.name) for point in points), boards=boards)

    return measured


CHOSEN: dict[str, tuple[list[str], list[str], dict[str, str]]] = {
    "points alone": (["--points", "small,fast"], ["small", "fast"], {}),
    "boards alone": (["--boards", "tangnano9k"], [], {"tangnano9k": "mnist-graded"}),
    "both": (["--points", "fast", "--boards", "arty-a7"], ["fast"], {"arty-a7": "mnist-mlp"}),
    "another model": (["small.safetensors", "--boards", "tangnano9k"], [], {"tangnano9k": "small.safetensors"}),
}


@pytest.mark.parametrize(("words", "points", "boards"), CHOSEN.values(), ids=CHOSEN)
def test_what_is_asked_for_is_measured(
    words: list[str],
    points: list[str],
    boards: dict[str, str],
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    monkeypatch.setattr(snnhw.bench.measure, "measure", _measured([]))
    assert run(["bench", *words, "--dataset", "digits.npz", "--json", "--out", "made"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert [point["name"] for point in shown["points"]] == points
    assert {board["name"]: board["model"] for board in shown["boards"]} == boards
    assert [file.name for file in Path("made").glob("*.svg")] == [page.plot_name("mnist-mlp")] * bool(points)


@pytest.mark.parametrize(("option", "kind"), [("--points", "point"), ("--boards", "board")])
def test_no_such_point_or_board(option: str, kind: str, capsys: pytest.CaptureFixture[str]):
    assert run(["bench", option, "faster", "--dataset", "sample"]) == 2
    assert f"there is no {kind} 'faster'" in capsys.readouterr().err


@pytest.mark.slow
def test_the_plot_shows_points_and_peers_and_is_the_same_again(tmp_path: Path):
    shown = table(figures("fast"), figures("small", cycles=spread(3000.0)))
    first, second = (plot(shown, tmp_path / f"{name}.svg").read_bytes() for name in "ab")
    assert first == second
    text = first.decode()
    assert all(f">{name}<" in text for name in ("fast", "small", "Spiker+ (2024)", "LUTs"))
    assert os.stat(tmp_path / "a.svg").st_size < 100_000


def test_what_changes_the_program_changes_the_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    keys: list[str] = []

    def cached(kind: str, key: str, build: Any) -> Path:
        keys.append(key)
        return tmp_path

    monkeypatch.setattr(cache, "cached", cached)
    monkeypatch.setattr(Checked, "model_validate_json", lambda text: None)
    (tmp_path / "checked.json").touch()
    chosen = POINTS["small"].implementation(small().network)
    bench = snnhw.bench.measure._Bench("small", small(), images())
    bench.checked(Design(bench.model, chosen))
    bench.checked(Design(bench.model, chosen))
    replace(bench, dataset=images().first(29)).checked(Design(bench.model, chosen))
    monkeypatch.setattr(snnhw.bench.measure, "_TWINS", (tmp_path,))
    bench.checked(Design(bench.model, chosen))
    assert keys[0] == keys[1]
    assert len(set(keys)) == 3


def test_the_page_of_the_project_has_every_point_and_board():
    marks = page.marks("mnist-mlp")
    before, _ = page.around(ROOT / "docs" / "performance.md", marks)
    shown = (ROOT / "docs" / "performance.md").read_text()[len(before) :].partition(marks[1])[0]
    rows = {tuple(code(row[0])) for row in table_of(shown, "point", "what it is")}
    assert rows == {(name,) for name in POINTS}
    assert {tuple(code(row[0])) for row in table_of(shown, "board", "model")} == {(name,) for name in board_names()}
    assert shown.count("none differs") == 2
    assert "misses the clock" not in shown
    assert (ROOT / "docs" / page.plot_name("mnist-mlp")).is_file()
