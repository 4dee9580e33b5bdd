"""MODEL on the command line: help, completion and errors list the models that the command takes, and no other."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from snnhw.cli import subjects
from snnhw.cli.app import run
from snnhw.cli.named import model_help, shipped_completion
from snnhw.shipped import SHIPPED
from snnhw.subject import SubjectKind, preset_names
from tests.docs.commands import commands

NEEDS = {"run": ["--port", "sim"], "weights": ["--built", "mnist-mlp", "--circuit", "x"], "build": ["--board", "none"]}
"""What must be given beside the subject."""
TAKERS = {
    command: [kind for kind, functions in subjects.KINDS.items() if command in functions]
    for functions in subjects.KINDS.values()
    for command in functions
}
COMMANDS = [*TAKERS, "patch"]
REFUSED = [(command, name) for command, kinds in TAKERS.items() for name, kind in SHIPPED.items() if kind not in kinds]


def named(text: str) -> set[str]:
    """The models that ship of which a text speaks; some names begin as others do."""
    return SHIPPED.keys() & set(re.findall(r"[a-z0-9-]+", text))


def parameter(command: str) -> Any:
    """The parameter that a command's model is."""
    found = [each for each in commands()[command].params if each.name in ("subject", "model")]
    assert len(found) == 1
    return found[0]


@pytest.mark.parametrize("command", COMMANDS)
def test_help_and_completion_name_what_the_command_takes_and_no_other(command: str):
    taken = {name for name, kind in SHIPPED.items() if kind in TAKERS.get(command, [SubjectKind.NETWORK])}
    shown = parameter(command)
    assert named(shown.help) == taken
    completed = {item.value for item in shown.shell_complete(None, "")}
    assert completed == (set(preset_names(*SubjectKind)) if command == "train" else taken)


@pytest.mark.parametrize(("command", "name"), REFUSED)
def test_a_model_that_a_command_does_not_take_is_one_line_with_the_commands_that_do(
    command: str, name: str, capsys: pytest.CaptureFixture[str]
):
    assert run([*command.split(), name, *NEEDS.get(command, [])]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"snnhw: `snnhw {command}` is for a ") and error.count("\n") == 1
    *most, last = subjects.KINDS[SHIPPED[name]]
    listed = f"{', '.join(f'`{each}`' for each in most)} and `{last}`"
    assert error.endswith(f" and {name} is a {SHIPPED[name]}, which {listed} take\n")


@pytest.mark.parametrize(
    "line",
    [
        ["patch", "made", "srbm-mnist"],
        ["weights", "mnist-mlp", "--built", "srbm-mnist", "--circuit", "x"],
        ["run", "mnist-mlp", "--port", "sim", "--circuit", "x", "--built", "srbm-mnist"],
    ],
)
def test_a_model_beside_the_subject_is_refused_alike(line: list[str], capsys: pytest.CaptureFixture[str]):
    assert run(line) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"snnhw: `snnhw {line[0]}` is for a network, and srbm-mnist is a spiking RBM, which `demo`")
    assert error.count("\n") == 1


@pytest.mark.parametrize("command", TAKERS)
def test_a_wrong_name_lists_what_the_command_takes(command: str, capsys: pytest.CaptureFixture[str]):
    assert run([*command.split(), "nosuch", *NEEDS.get(command, [])]) == 2
    error = capsys.readouterr().err
    assert error.startswith("snnhw: there is no ") and error.count("\n") == 1
    assert named(error) == {n for n, kind in SHIPPED.items() if kind in TAKERS[command]}


def test_a_mistyped_name_is_told_the_nearest_of_any_kind(capsys: pytest.CaptureFixture[str]):
    assert run(["info", "stdp-mnis"]) == run(["train", "stdp-mnis"]) == 2
    assert capsys.readouterr().err.count("did you mean 'stdp-mnist'?") == 2


def test_info_without_a_model_lists_those_that_ship(capsys: pytest.CaptureFixture[str]):
    assert run(["info", "--json"]) == 0
    models = json.loads(capsys.readouterr().out)["models"]
    assert [(each["name"], each["kind"]) for each in models] == [(name, str(kind)) for name, kind in SHIPPED.items()]
    assert run(["info"]) == 0
    text = capsys.readouterr().out
    for each in models:
        assert each["name"] in text and f"{each['accuracy']['correct']} of 10000" in text


def test_words_of_the_help():
    assert model_help(SubjectKind.SRBM) == "A .safetensors file, or one that ships: srbm-mnist."
    assert model_help(*SubjectKind).endswith("mnist-conv-small, mnist-graded, mnist-mlp, srbm-mnist or stdp-mnist.")
    assert shipped_completion()("s") == ["srbm-mnist", "stdp-mnist"] and shipped_completion()("x") == []


@pytest.mark.slow
def test_the_shell_completes_an_option_behind_a_model_that_will_be_refused():
    asked = {"_SNNHW_COMPLETE": "complete_bash", "COMP_WORDS": "snnhw patch made srbm-mnist --ou", "COMP_CWORD": "4"}
    program = [sys.executable, "-c", "from snnhw.cli import main; main()"]
    shown = subprocess.run(program, env=os.environ | asked, capture_output=True, text=True)
    assert (shown.stdout, shown.stderr) == ("--out\n", "")


def test_a_file_that_cannot_be_read_is_of_no_kind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(tmp_path)
    Path("bad.safetensors").write_bytes(b"no model")
    assert run(["convert", "bad.safetensors"]) == 2
    assert capsys.readouterr().err.startswith("snnhw: bad.safetensors is damaged or no .safetensors file (")
    assert run(["convert", "absent.safetensors"]) == 2
    assert capsys.readouterr().err.startswith("snnhw: model file absent.safetensors is not there;")
