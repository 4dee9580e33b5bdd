"""Commands that take subjects of several kinds: which options go with which, and what is refused."""

import inspect
import json
from pathlib import Path
from typing import Annotated, Any

import pytest
import typer

from snnhw.cli import subjects
from snnhw.cli.app import run
from snnhw.cli.options import flat
from snnhw.cli.output import Json
from snnhw.errors import DescriptionError
from snnhw.srbm.model import save_srbm
from snnhw.stdp.model import save_stdp
from snnhw.subject import SubjectKind
from tests.docs.commands import commands
from tests.snnhw.srbm.small import small_model
from tests.snnhw.stdp.small import small_model as small_learner_model

FILES = {SubjectKind.SRBM: "m.safetensors", SubjectKind.STDP: "l.safetensors"}
OTHERS = [
    (kind, command, option)
    for kind in FILES
    for command, function in subjects.KINDS[kind].items()
    for option in commands()[command].params
    if option.param_type_name == "option" and option.name not in ("help", *flat(function))
]
"""Options that a command takes, and not for a kind."""
NEEDED = {"run": ["--port", "sim"]}
"""Options without which a command says that they are missing, before anything else."""


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    save_srbm(small_model(), FILES[SubjectKind.SRBM])
    save_stdp(small_learner_model(), FILES[SubjectKind.STDP])
    return FILES[SubjectKind.SRBM]


@pytest.mark.usefixtures("machine")
@pytest.mark.parametrize(("kind", "command", "option"), OTHERS, ids=lambda part: getattr(part, "name", part))
def test_every_option_of_other_kinds_alone_is_refused_by_name(
    kind: SubjectKind, command: str, option: Any, capsys: pytest.CaptureFixture[str]
):
    """Also where what was typed is what is meant unless told."""
    for spelled in (option.opts[0], *option.secondary_opts):
        value = [] if option.is_flag else [option.default if isinstance(option.default, str) else "2"]
        assert run([*command.split(), FILES[kind], *NEEDED.get(command, []), spelled, *value]) == 2
        error = capsys.readouterr().err
        assert error.startswith(f"snnhw: {spelled} is not for a {kind}: it takes --")
        assert error.endswith(" and --json\n") and error.count("\n") == 1


def test_a_command_that_is_not_for_a_kind_says_for_which(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    def count(name: str, *, as_json: Json = False) -> None: ...

    monkeypatch.setattr(
        subjects, "KINDS", {SubjectKind.NETWORK: {"count": count}, SubjectKind.SRBM: {"look": count, "say": count}}
    )
    app = typer.Typer()
    app.command("count")(subjects.command("count", ""))
    message = "`snnhw count` is for a network, and srbm-mnist is a spiking RBM, which `look` and `say` take"
    with pytest.raises(DescriptionError, match=f"^{message}$"):
        app(["srbm-mnist"], standalone_mode=False)


def test_info_of_a_machine(machine: str, capsys: pytest.CaptureFixture[str]):
    assert run(["info", machine, "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    model = small_model()
    assert shown == {
        "model": machine,
        "digest": model.digest,
        "machine": model.machine.model_dump(mode="json"),
        "features": {"name": model.pixels.name, "level": model.pixels.level},
        "provenance": dict(model.provenance),
    }
    assert run(["info", machine]) == 0
    text = capsys.readouterr().out
    assert f"{model.machine.pixels} pixels and" in text and model.digest in text
    assert run(["info", "srbm-mnist"]) == 0
    assert "of 10000" in capsys.readouterr().out


def test_info_of_a_learner(machine: str, capsys: pytest.CaptureFixture[str]):
    name, model = FILES[SubjectKind.STDP], small_learner_model()
    assert run(["info", name, "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown == {
        "model": name,
        "digest": model.digest,
        "learner": model.learner.model_dump(mode="json"),
        "provenance": dict(model.provenance),
    }
    assert run(["info", name]) == 0
    text = capsys.readouterr().out
    assert "36 pixels, 9 neurons, 3 classes; weights of 4 bits" in text and model.digest in text


def test_an_option_means_one_thing_for_all_kinds(monkeypatch: pytest.MonkeyPatch):
    def first(name: str, *, limit: Annotated[int, typer.Option("--limit")] = 1, as_json: Json = False) -> None: ...

    def second(name: str, *, limit: Annotated[int, typer.Option("--limit")] = 2, as_json: Json = False) -> None: ...

    monkeypatch.setattr(subjects, "KINDS", {SubjectKind.NETWORK: {"two": first}, SubjectKind.SRBM: {"two": second}})
    with pytest.raises(TypeError, match="kinds of subjects mean different things by the option limit"):
        subjects.command("two", "")


def test_every_kind_names_its_subject_first_and_all_else_by_keyword():
    for functions in subjects.KINDS.values():
        for function in functions.values():
            rest = list(inspect.signature(function).parameters.values())[1:]
            assert {parameter.kind for parameter in rest} == {inspect.Parameter.KEYWORD_ONLY}
