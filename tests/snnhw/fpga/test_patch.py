"""Other weights in a bitstream: what a rebuild would give, bit for bit, or a refusal."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gateware.weights import WeightMemory
from snnhw.cli.app import run
from snnhw.conversion import convert
from snnhw.design import Design
from snnhw.errors import BoardError, ModelError, ToolError
from snnhw.fpga import place, synthesis
from snnhw.fpga.base import BASE, PLACED, load
from snnhw.fpga.blocks import GEOMETRIES, Block, fill, find
from snnhw.fpga.boards import find_board
from snnhw.fpga.build import build
from snnhw.fpga.memories import Memory, split, split_emitted
from snnhw.fpga.patch import patch
from snnhw.fpga.report import load as load_report
from snnhw.implementation import Implementation
from snnhw.model import Model
from snnhw.modelfile import save
from snnhw.network import Direct, Range
from snnhw.verilog import emit

pytestmark = pytest.mark.slow


def model(turned: int = 0, bias: int = 0, steps: int = 2) -> Model:
    """A small model; with its inputs turned, another of the same ranges. No column of bits is constant in either."""
    rng = np.random.default_rng(3)
    weights = [rng.integers(-2, 2, (4, 9)), rng.integers(-2, 2, (2, 4))]
    biases = [np.array([0, -1, bias, 1]), np.array([0, -1])]
    turned_weights = [np.roll(weight, turned, axis=1) for weight in weights]
    return Model.from_arrays(
        turned_weights, biases=biases, thresholds=8, weight_bits=2, encoder=Direct(bits=2), num_steps=steps
    )


def choices() -> Implementation:
    return Implementation.of(model().network, lanes=1)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The build of a model."""
    folder = tmp_path_factory.mktemp("built")
    build(Design(model(), choices()), find_board("icebreaker"), folder, clock_mhz=12)
    return folder


@pytest.mark.long
def test_patched_is_rebuilt(
    built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(tmp_path)
    save(model(turned=1), "new.safetensors")
    assert run(["patch", str(built), "new.safetensors", "--out", "patched", "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert (record["digest"], record["patched_from"]) == (model(turned=1).digest, model().digest)
    # The rebuild has the weights in the memories from the beginning, and yosys and nextpnr put them into their places.
    monkeypatch.setattr(Memory, "placeholder", lambda memory, _: memory)
    monkeypatch.setattr(synthesis, "find", lambda *_: ([], set()))
    rebuilt = build(Design(model(turned=1), choices()), find_board("icebreaker"), "rebuilt", clock_mhz=12)
    assert Path("patched/snn.bin").read_bytes() == Path("rebuilt/snn.bin").read_bytes()
    assert record["bitstream_sha256"] == rebuilt.bitstream_sha256
    unlike = {"patched_from", "seconds", "name"}
    assert {key: value for key, value in record.items() if key not in {*unlike, "folder"}} == rebuilt.model_dump(
        mode="json", exclude=unlike
    )
    files = {path.name for path in Path("patched").iterdir()}
    assert files == {path.name for path in Path("rebuilt").iterdir()} | {BASE, PLACED}
    assert Path("patched/snn.v").read_text() == Path("rebuilt/snn.v").read_text()

    other = patch("patched", model(), "back")
    assert other.bitstream_sha256 != rebuilt.bitstream_sha256
    assert Path("back/snn.bin").read_bytes() == (built / "snn.bin").read_bytes(), "a patched build can be patched"


def test_one_word_tells(built: Path, tmp_path: Path):
    base = load(built)
    text = (built / PLACED).read_text()
    memories = dict(split_emitted(emit(Design(model(), choices()), shell=_shell(built))).memories)
    right = fill(text, "ice40", base.blocks, memories)
    for name, memory in memories.items():
        words = (*memory.words[:-1], memory.words[-1] ^ 1)
        assert fill(text, "ice40", base.blocks, {**memories, name: replace(memory, words=words)}) != right


def _shell(built: Path) -> Any:
    return load_report(built).shell


def test_another_circuit_is_refused(built: Path, tmp_path: Path):
    with pytest.raises(ModelError, match="was built for another network: num_steps differ; build the model anew"):
        patch(built, model(steps=3), tmp_path / "x")
    with pytest.raises(ModelError, match=r"more than the contents of its memories, first in snn\.\S+ and \d+ more: "):
        patch(built, model(bias=100), tmp_path / "x")
    with pytest.raises(BoardError, match="is the build itself: choose another folder"):
        patch(built, model(turned=1), built)
    assert not (tmp_path / "x").exists()


def test_a_build_that_is_there_is_replaced_only_where_that_is_said(
    built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(tmp_path)
    save(model(turned=1), "new.safetensors")
    shutil.copytree(built, "x")
    words = ["patch", str(built), "new.safetensors", "--out", "x"]
    with monkeypatch.context() as patched:
        patched.setattr("snnhw.fpga.patch.emit", None)  # nothing is elaborated before
        assert run(words) == 2
    assert capsys.readouterr().err == "snnhw: x is there already; give another name with --out, or say --overwrite\n"

    def fail(part: object, flow: object, work: Path) -> bytes:
        (work / place.PACK_LOG).write_text("the log")
        raise ToolError("packing failed")

    with monkeypatch.context() as patched:
        patched.setattr(place, "pack", fail)
        assert run([*words, "--overwrite"]) == 2
    stages = ["snnhw: elaborating", "snnhw: packing the bitstream"]
    failed = "snnhw: packing failed; the files and logs of this build are in x-failed"
    assert capsys.readouterr().err.splitlines() == [*stages, failed]
    assert Path("x-failed/pack.log").read_text() == "the log"
    assert load_report("x").digest == model().digest
    monkeypatch.setattr(place, "pack", lambda *_: b"bits")
    assert run([*words, "--overwrite"]) == 0
    assert capsys.readouterr().err.splitlines() == stages
    assert load_report("x").digest == model(turned=1).digest
    assert Path("x/snn.bin").read_bytes() == b"bits"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new.safetensors", "x"]


def test_what_cannot_be_patched(built: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    folder = tmp_path / "copy"

    def changed(name: str, text: str | None) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(built, folder)
        if text is None:
            (folder / name).unlink()
        else:
            (folder / name).write_text(text)

    report = json.loads((built / "report.json").read_text())
    cases: list[tuple[str, str | None, str]] = [
        ("report.json", None, "there is no report"),
        ("report.json", json.dumps(report | {"board": None}), "was built without a board"),
        ("report.json", json.dumps(report | {"bitstream": None}), "has no bitstream to be patched"),
        (BASE, None, "holds nothing that can be patched: build it again"),
        (BASE, "{}x", "cannot be read"),
        (PLACED, "other", "was changed since it was built: build it again"),
        ("snn.json", "{}", "does not say what was built"),
        ("snn.json", '{"network": 7}', "does not say what was built"),
        ("snn.json", '{"network": "net"}', "does not say what was built"),
        ("snn.json", "[" * 9999, "does not say what was built"),
    ]
    for name, text, message in cases:
        changed(name, text)
        with pytest.raises(BoardError, match=message):
            patch(folder, model(turned=1), tmp_path / "x")
    assert not (tmp_path / "x").exists()


def test_contents_that_are_not_found_are_said(tmp_path: Path):
    memory = Memory(16, tuple(range(300)))
    geometry = GEOMETRIES["ice40"]
    cells = [f"core.a.column_0.0.{number}" for number in range(2)]
    blocks = geometry.blocks(cells, "snn.a.column_0", memory, 8)

    def netlist(memory: Memory) -> Path:
        described: dict[str, Any] = {}
        for block in blocks:
            parameters = dict.fromkeys(geometry.parameters, "x" * 256)
            geometry.write(parameters, geometry.contents(block, memory))
            described[block.cell] = {"type": "SB_RAM40_4K", "parameters": parameters}
        path = tmp_path / "netlist.json"
        path.write_text(json.dumps({"modules": {"top": {"cells": described}}}))
        return path

    wanted = {"snn.a.column_0": memory}
    assert find(netlist(memory), "top", "ice40", wanted) == (blocks, set())
    wrong = replace(memory, words=(*memory.words[:-1], memory.words[-1] ^ 0x8000))
    assert find(netlist(wrong), "top", "ice40", wanted) == ([], {"snn.a.column_0"})


@pytest.mark.parametrize("family", GEOMETRIES)
def test_blocks_hold_every_bit_once(family: str):
    geometry = GEOMETRIES[family]
    for width in geometry.widths:
        places = [
            geometry.place(width, address, bit) for address in range(geometry.depth(width)) for bit in range(width)
        ]
        assert len(set(places)) == len(places)
        assert all(row < geometry.rows and bit < geometry.row_bits for row, bit in places)
    rows = geometry.tag("any")
    assert geometry.parse(geometry.format(rows)) == tuple(rows)
    parameters = dict.fromkeys(geometry.parameters, "x" * (256 if family == "ice40" else 320))
    geometry.write(parameters, rows)
    assert [int(text[::-1], 2) for text in geometry.read(parameters)] == rows


def test_tags_that_are_not_there():
    block = Block(cell="a", memory="m", word=0, bit=0, bits=16)
    with pytest.raises(ToolError, match="does not hold each block RAM of weights just once"):
        fill(".ram_data 1 1\n", "ice40", [block], {"m": Memory(16, (1, 2))})


def test_placeholders_are_the_same_for_every_model():
    for bits in (1, 7, 48):
        memory = Memory(bits, (0, 0, 0))
        placeholder = memory.placeholder("name")
        assert placeholder == Memory(bits, (1, 1, 1)).placeholder("name")
        assert all({word >> bit & 1 for word in placeholder.words} == {0, 1} for bit in range(bits))
        assert len(placeholder.words) == 3


@pytest.mark.parametrize("lanes", [7, 8, 9])
def test_memories_of_more_and_fewer_bits_than_a_number_of_verilog(lanes: int):
    rows = [[value - 8 for value in range(start, start + lanes)] for start in range(3)]
    converted = convert(WeightMemory(rows, Range(lo=-8, hi=7)), "top")
    (memory,) = split(f"\n{converted.text}", {}).memories.values()
    assert memory.bits == 4 * lanes
    assert memory.words == tuple(sum((value & 15) << 4 * lane for lane, value in enumerate(row)) for row in rows)
    (contents,) = converted.apart()[1].values()
    assert contents == "".join(f"{word:0{lanes}x}\n" for word in memory.words)


def test_memories_apart_from_the_circuit():
    inline = emit(Design(model(), choices()))
    files = emit(Design(model(), choices().model_copy(update={"weights": "readmemh"})))
    parts = split_emitted(inline)
    assert parts == split_emitted(files)
    assert set(parts.memories) == {
        f"snn.{layer}.crossbar.{memory}.column_0"
        for layer in ("hidden", "output")
        for memory in ("weights_0", "drain.biases")
    }
    assert parts.circuit == split_emitted(emit(Design(model(turned=1), choices()))).circuit
    kept = split_emitted(inline, ["snn.hidden.crossbar.weights_0.column_0"])
    assert len(kept.memories) == 3
    other = split_emitted(emit(Design(model(turned=1), choices())), ["snn.hidden.crossbar.weights_0.column_0"])
    assert kept.digest != other.digest
