"""The demo of the spiking RBM: a completed digit, Verilog, and the verdict; and what differs is status 1."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import snnhw.srbm.verify
from golden.srbm import Srbm
from snnhw.cli.app import run
from snnhw.data import load
from snnhw.srbm.demo import draw_completion, draw_scores
from snnhw.srbm.evaluate import half_masks
from snnhw.srbm.machine import Machine, Phases
from snnhw.srbm.model import SrbmModel, initial_levels, save_srbm


def test_three_pictures_side_by_side():
    bits, known = np.zeros((2, 2, 16), np.uint8)
    bits[:, :2], known[:, 1:] = 1, 1
    drawn = list(draw_completion(bits.ravel(), known.ravel(), 1 - bits.ravel(), (2, 16)))
    assert drawn[0] == f"{'the digit':<20}{'what is known':<20}{'what came out':<16}"
    assert drawn[1:] == [f"{'@@':<20}{'-@':<20}  {'@' * 14}"]


def test_a_line_a_class():
    assert list(draw_scores(np.array([2, 0, 3]), 2)) == [
        "    0    2 ##",
        "    1    0 ",
        "    2    3 ###  <-- the class",
    ]


def model() -> SrbmModel:
    machine = Machine(hidden=4, inference_ticks=24, phases=Phases(settle=1, data=9, transition=1, model=9))
    return SrbmModel(machine, *initial_levels(machine, 400.0, seed=1))


@pytest.mark.long
def test_demo(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    save_srbm(model(), "machine.safetensors")
    assert run(["demo", "machine.safetensors", "--limit", "1", "--index", "3"]) == 0
    out = capsys.readouterr().out
    assert "what came out" in out
    assert "<-- the class" in out
    assert out.endswith("equal: 2 training images, 1 inferences, 1 regenerations\n")
    assert (tmp_path / "machine_verilog" / "srbm.v").is_file()

    original = snnhw.srbm.verify.verify_srbm

    def differing(*arguments: Any, **options: Any) -> Any:
        return replace(original(*arguments, **options), mismatches=1)

    monkeypatch.setattr(snnhw.srbm.verify, "verify_srbm", differing)
    assert run(["demo", "machine.safetensors", "--limit", "1", "--out", "there", "--index", "3", "--json"]) == 1
    shown = json.loads(capsys.readouterr().out)
    picture, known = load("sample").images[3].ravel() > 0.3 * 255, half_masks(28, 28)[1]
    golden = Srbm(model().machine, model().gp, model().gm)
    classified, scores, _ = golden.regenerate(picture * known, known)
    assert shown["image"] == {"index": 3, "class": classified, "scores": scores.tolist()}
    assert (shown["equal"], shown["regenerate_images"]) == (False, 1)
    assert "there/srbm.v" in shown["files"]


def test_an_image_beyond_the_sample(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    save_srbm(model(), tmp_path / "machine.safetensors")
    assert run(["demo", str(tmp_path / "machine.safetensors"), "--index", "1000"]) == 2
    assert "--index must be below 1000" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["mnist-mlp", "nowhere.safetensors"])
def test_what_is_no_spiking_rbm_is_not_shown_as_one(name: str, capsys: pytest.CaptureFixture[str]):
    assert run(["demo", name, "--srbm"]) == 2
    assert capsys.readouterr().err.endswith(
        "--srbm is not for a network: it takes --index, --limit, --out and --json\n"
    )
