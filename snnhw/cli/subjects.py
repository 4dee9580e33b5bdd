"""Commands whose argument is a subject of any kind: what each does is looked up by the kind, here and nowhere else.

A kind of subject has a function for each command that takes it. The parameters of the function, its first apart, which
is the name of the subject, are the options that the command takes for this kind. The command itself has the options of
all kinds; one that was typed for a subject of a kind that does not take it is refused by name.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import typer

from snnhw.cli import (
    ann,
    bench,
    build,
    certify,
    demo,
    demo_learner,
    demo_machine,
    evaluate,
    info,
    learner,
    learner_build,
    learner_circuit,
    machine,
    machine_build,
    machine_circuit,
    run,
    run_machine,
    simulate,
    srbm,
    stdp,
    train,
    verify,
    verilog,
    weights,
)
from snnhw.cli.named import check_subject, model_name
from snnhw.cli.options import call, flat
from snnhw.errors import DescriptionError
from snnhw.subject import SubjectKind

__all__ = ["KINDS", "command"]

Function = Callable[..., None]

KINDS: Mapping[SubjectKind, Mapping[str, Function]] = {
    SubjectKind.NETWORK: {
        "demo": demo.demo,
        "train": train.train,
        "info": info.info,
        "evaluate": evaluate.evaluate,
        "certify": certify.certify,
        "verify": verify.verify,
        "verilog": verilog.verilog,
        "simulate": simulate.simulate,
        "weights": weights.weights,
        "build": build.build,
        "run": run.run,
        "bench": bench.bench,
    },
    SubjectKind.SRBM: {
        "demo": demo_machine.demo_machine,
        "train": machine.train_machine,
        "info": machine.info_machine,
        "evaluate": machine.evaluate_machine,
        "verify": machine_circuit.verify_machine,
        "verilog": machine_circuit.verilog_machine,
        "build": machine_build.build_machine,
        "run": run_machine.run_rbm,
        "srbm pictures": srbm.pictures,
    },
    SubjectKind.STDP: {
        "demo": demo_learner.demo_learner,
        "train": learner.train_learner,
        "info": learner.info_learner,
        "evaluate": learner.evaluate_learner,
        "verify": learner_circuit.verify_learner,
        "verilog": learner_circuit.verilog_learner,
        "build": learner_build.build_learner,
        "run": run_machine.run_learner,
        "stdp pictures": stdp.pictures,
    },
    SubjectKind.ANN: {
        "train": ann.train_network,
        "info": ann.info_network,
        "evaluate": ann.evaluate_network,
        "convert": ann.convert,
    },
}
"""What commands do with subjects of each kind; a command that a kind does not have is refused of it."""

_LAST = "as_json"


def command(
    name: str,
    text: str | None = None,
    argument: Any = None,
    usual: Callable[[Mapping[str, Any]], str | None] | None = None,
    *,
    presets: bool = False,
) -> Function:
    """The command of that name, for typer; ``text`` is its help, what its one function says of itself unless given.

    ``argument`` is how typer is told of the subject's name, MODEL unless given, which may be left out where ``usual``
    makes one of the options, or None where the function for networks does without. ``presets``: what is named is a
    preset, whether or not its model ships.
    """
    functions = {kind: commands[name] for kind, commands in KINDS.items() if name in commands}
    options = _options(functions)

    def chosen(context: typer.Context, subject: Any, **values: Any) -> None:
        found = usual(values) if subject is None and usual is not None else subject
        kind = SubjectKind.NETWORK if found is None else check_subject(name, found, functions, presets=presets)
        _check_given(context, kind, functions[kind])
        call(functions[kind], {next(iter(flat(functions[kind]))): found, **values})

    keyword = inspect.Parameter.KEYWORD_ONLY
    default = inspect.Parameter.empty if usual is None else None
    first = [
        inspect.Parameter("context", keyword, annotation=typer.Context),
        inspect.Parameter("subject", keyword, annotation=argument or model_name(*functions), default=default),
    ]
    chosen.__signature__ = inspect.Signature([*first, *options.values()])  # type: ignore[attr-defined]
    chosen.__doc__ = text or next(iter(functions.values())).__doc__
    return chosen


def _options(functions: Mapping[SubjectKind, Function]) -> dict[str, inspect.Parameter]:
    """The options of all kinds, ``--json`` last; raises TypeError where two kinds mean different things by one."""
    found: dict[str, inspect.Parameter] = {}
    for function in functions.values():
        for name, option in list(flat(function).items())[1:]:
            if found.setdefault(name, option) != option:
                raise TypeError(f"kinds of subjects mean different things by the option {name}")
    return {**{name: option for name, option in found.items() if name != _LAST}, _LAST: found[_LAST]}


def _check_given(context: typer.Context, kind: SubjectKind, function: Function) -> None:
    """Raise DescriptionError for an option that was typed and is none of the kind's."""
    taken = flat(function)
    spelled = {option.name: option for option in context.command.params if option.param_type_name == "option"}
    for name, option in spelled.items():
        source = context.get_parameter_source(name)
        if name in taken or source is None or source.name != "COMMANDLINE":
            continue
        typed = option.secondary_opts if context.params[name] is False and option.secondary_opts else option.opts
        *more, last = [spelled[known].opts[0] for known in taken if known in spelled]
        raise DescriptionError(f"{typed[0]} is not for a {kind}: it takes {', '.join(more)} and {last}")
