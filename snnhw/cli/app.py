"""The commands under one name, and what becomes of their errors."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from snnhw.cli import data, doctor, patch, program, report, srbm, stdp
from snnhw.cli.bench import BenchModel
from snnhw.cli.demo import DemoModel, shown_unless_told
from snnhw.cli.info import InfoModel
from snnhw.cli.named import none_named
from snnhw.cli.output import library_notes
from snnhw.cli.subjects import command
from snnhw.cli.train import Trainable
from snnhw.errors import SnnhwError

CANNOT_RUN = 2
"""The exit status of a command that could not run."""
_INTERRUPTED = 130
"""What typer makes of an interruption before a command has begun."""


class Interrupted(SnnhwError):
    """The user has ended a command."""


class _Group(TyperGroup):
    """Commands whose interruption is an error like others, and which leave quietly when their reader has gone."""

    def invoke(self, ctx: Any) -> Any:
        try:
            status = super().invoke(ctx)
            sys.stdout.flush()
        except KeyboardInterrupt as error:
            raise Interrupted("interrupted; what was finished is kept, and nothing is half-written") from error
        except (BrokenPipeError, SystemExit):
            # rich ends the process itself; and Python would complain once more when it ends.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(CANNOT_RUN) from None
        return status


app = typer.Typer(
    name="snnhw",
    cls=_Group,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Turns a trained spiking neural network into Verilog that is proved equal to a golden model.",
)
app.command("demo")(
    command(
        "demo",
        "Turn a shipped model into Verilog, simulate it on real digits, and compare it with the golden model.",
        DemoModel,
        shown_unless_told,
    )
)
app.command("doctor")(doctor.doctor)
app.add_typer(data.app, name="data")
app.command("train")(
    command(
        "train",
        "Train a network, or a machine that learns itself: a model file and a record are written.",
        Trainable,
        presets=True,
    )
)
app.command("convert")(command("convert"))
app.command("info")(
    command(
        "info",
        """Show a model: layers, ranges and widths, what it computes, where it comes from; or list those that ship.

        Of a description without weights it shows what there is to say, and which arrays would make a model of it.
        """,
        InfoModel,
        none_named,
    )
)
app.command("simulate")(command("simulate"))
app.command("evaluate")(
    command(
        "evaluate", "Run the golden model alone: accuracy, confusion, spikes of each layer, synaptic operations, speed."
    )
)
app.command("certify")(command("certify"))
app.command("verify")(
    command(
        "verify",
        "Compare every spike, membrane, score and cycle of the circuit with golden; status 1 where any differs.",
    )
)
app.command("verilog")(
    command(
        "verilog",
        "Write the circuit of a model: Verilog, a description of its ports as JSON, an instantiation template.",
    )
)
app.command("weights")(command("weights"))
app.command("build")(command("build"))
app.command("patch")(patch.patch)
app.command("report")(report.report)
app.command("program")(program.program)
app.command("run")(
    command(
        "run",
        """Send images to a board and compare its answers with golden; status 1 where any differs.

        A machine that learns on the chip is loaded first, and learns as many images as --learn says.
        """,
    )
)
app.command("bench")(command("bench", None, BenchModel, none_named))
srbm.app.command("pictures")(command("srbm pictures"))
stdp.app.command("pictures")(command("stdp pictures"))
app.add_typer(srbm.app, name="srbm")
app.add_typer(stdp.app, name="stdp")


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"snnhw {version('snnhw')}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error (with any command).")] = False,
) -> None:
    """Options of all commands; `run` takes ``--debug`` wherever it stands."""


def run(arguments: Sequence[str]) -> int:
    """Run a command and return its exit status."""
    debug = "--debug" in arguments
    try:
        plain = [argument for argument in arguments if argument != "--debug"]
        with library_notes():
            status = app(plain, prog_name="snnhw", standalone_mode=False)
    except typer.TyperException as error:
        if type(error).__name__ == "NoArgsIsHelpError":
            if message := error.format_message():
                print(message, file=sys.stderr)
            return CANNOT_RUN
        context = getattr(error, "ctx", None)
        command = context.command_path if context else "snnhw"
        return _failed(f"{error.format_message()} ({command} --help says what there is)", debug)
    except SnnhwError as error:
        _failed(str(error), debug)
        return error.exit_status
    except OSError as error:
        return _failed(_of_the_machine(error), debug)
    except ValueError as error:
        return _failed(str(error) or type(error).__name__, debug)
    except Exception as error:  # noqa: BLE001, the last line of defence: a user sees one line, and how to see more
        what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        return _failed(f"a defect of snnhw, please report it with what --debug adds: {what}", debug)
    return _failed("interrupted", debug=False) if status == _INTERRUPTED else int(status or 0)


def _of_the_machine(error: OSError) -> str:
    """What the operating system refused, and of which file."""
    if error.strerror is None:
        return str(error) or type(error).__name__
    reason = error.strerror.lower()
    return reason if error.filename is None else f"{error.filename}: {reason}; correct this, or choose another place"


def _failed(message: str, debug: bool) -> int:
    """Print what went wrong on one line, after the traceback where that is wanted."""
    if debug:
        traceback.print_exc()
    print(f"snnhw: {' '.join(message.split())}", file=sys.stderr)
    return CANNOT_RUN
