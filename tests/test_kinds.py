"""Every kind is whole: it has all its twins, it is drawn and spelled out; nobody else asks which there is."""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from snnhw import kinds as registry
from snnhw.kinds import Kind, kinds_of, twin
from snnhw.network import Encoder, Leak, Readout, Spike, Synapse
from snnhw.train.options import Loss
from tests import kinds, oracle

ROOT = Path(__file__).parents[1]
FAMILIES: tuple[type[Kind], ...] = (Synapse, Encoder, Readout, Loss)
KINDS = [kind for family in FAMILIES for kind in kinds_of(family).values() if kind.__module__.startswith("snnhw.")]

DRAWN: dict[type[Kind], Mapping[str, Any]] = {Synapse: kinds.SYNAPSES, Encoder: kinds.ENCODERS, Readout: kinds.READOUTS}
SPELLED: dict[type[Kind], Mapping[str, Any]] = {
    Synapse: oracle.SYNAPSES,
    Encoder: oracle.ENCODERS,
    Readout: oracle.READOUTS,
}

DESCRIPTION = {
    f"snnhw/{name}.py" for name in ("network", "neuron", "synapse", "encoder", "readout", "ranges", "neunorm")
}
TWINS = ("golden/", "gateware/", "snnhw/timing.py", "snnhw/train/")
ASKED = ("encoder", "readout", "synapse", "leak", "spike", "loss")
"""What parts of a description that have a kind are called."""


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_kind_has_every_twin_of_its_family(kind: type[Kind]):
    assert kind.TWINS
    for package in kind.TWINS:
        found = twin(kind.model_construct(kind=kind.name()), package)
        assert callable(found)
        module = {"golden": "golden.", "gateware": "gateware.", "timing": "snnhw.timing", "training": "snnhw.train."}
        assert found.__module__.startswith(module[package])


@pytest.mark.parametrize("family", DRAWN, ids=lambda family: family.__name__)
def test_every_kind_is_drawn_and_spelled_out(family: type[Kind]):
    names = {kind.name() for kind in KINDS if issubclass(kind, family)}
    assert names
    assert names <= DRAWN[family].keys()
    assert names <= SPELLED[family].keys()


def test_leaks_and_spikes_are_all_drawn():
    for part, drawn in ((Leak, kinds.LEAKS), (Spike, kinds.SPIKES)):
        assert set(part.model_fields["kind"].annotation.__args__) == drawn.keys()


def asks(tree: ast.AST) -> Iterator[int]:
    """The lines in which code depends on which kind something is; that it is printed is no question."""
    names = {kind.__name__ for kind in KINDS}
    printed = {id(node) for text in ast.walk(tree) if isinstance(text, ast.JoinedStr) for node in ast.walk(text)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr == "kind" and id(node) not in printed:
            part = node.value.attr if isinstance(node.value, ast.Attribute) else getattr(node.value, "id", "")
            if part in ASKED:
                yield node.lineno
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("isinstance", "issubclass"):
            asked = {getattr(name, "id", "") for name in ast.walk(node.args[1])}
            yield from [node.lineno] if asked & names else []


def test_only_the_description_and_the_twins_ask_which_kind_there_is():
    found = []
    for package in ("snnhw", "gateware", "golden"):
        for path in sorted((ROOT / package).rglob("*.py")):
            name = path.relative_to(ROOT).as_posix()
            if name not in DESCRIPTION and not name.startswith(TWINS):
                found += [f"{name}:{line}" for line in asks(ast.parse(path.read_text()))]
    assert not found


@pytest.mark.parametrize(
    ("code", "count"),
    [
        ("if network.encoder.kind == 'direct': pass", 1),
        ("says = table[leak.kind]", 1),
        ("isinstance(stage.synapse, Dense)", 1),
        ("isinstance(found, (int, Direct))", 1),
        ("text = f'{network.encoder.kind} events'", 0),
        ("array.dtype.kind == 'f'", 0),
        ("isinstance(found, Shape)", 0),
    ],
)
def test_a_question_is_found(code: str, count: int):
    assert len(list(asks(ast.parse(code)))) == count


def test_a_kind_is_found_by_its_class_and_not_by_its_base():
    assert set(kinds_of(Synapse)) & set(kinds_of(Encoder)) == set()
    with pytest.raises(KeyError):
        registry.twin(Synapse.model_construct(kind="none"), "golden")
