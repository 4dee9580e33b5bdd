"""``snnhw verilog``: a model becomes Verilog."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from snnhw.cli.circuit import CircuitOptions, lanes_of
from snnhw.cli.output import DatasetName, Json, console, print_record
from snnhw.wording import one_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from pydantic import TypeAdapter

    from snnhw.design import Design
    from snnhw.shell import Shell

Top = Annotated[
    str | None,
    typer.Option(
        "--top",
        metavar="NAME",
        help="The name of the top module; unless told snn, or srbm or stdp for those kinds of model.",
    ),
]
Folder = Annotated[
    str | None, typer.Option("--out", metavar="DIR", help="The folder; NAME_verilog in this folder unless told.")
]
_INTERFACE = typer.Option(
    "--interface", metavar="KIND", help="What surrounds the circuit: stream, axi or uart; aer for a camera's events."
)
_TDATA = typer.Option("--tdata", metavar="BITS", help="Width of AXI4-Stream: 8, 32 or 64; 32 unless told.")
_BAUD = typer.Option("--baud", min=1, metavar="N", help="Of the UART; 115200 unless told.")
_CLOCK = typer.Option("--clock-hz", min=1, metavar="N", help="The clock that the UART divides.")
_BIN = typer.Option("--bin-cycles", min=1, metavar="N", help="Cycles of a bin behind aer; unless told a pin ends bins.")
Surrounded = Annotated[str, _INTERFACE]
LineBaud = Annotated[int | None, _BAUD]
LineClock = Annotated[int | None, _CLOCK]
_VECTORS = typer.Option(
    "--limit", min=1, metavar="N", help="Images that the test bench sends; 10 unless told, 3 over a serial line."
)


def verilog(
    model: str,
    *,
    circuit: CircuitOptions,
    top: Top = None,
    interface: Surrounded = "stream",
    tdata: Annotated[int | None, _TDATA] = None,
    baud: LineBaud = None,
    clock_hz: LineClock = None,
    bin_cycles: Annotated[int | None, _BIN] = None,
    testbench: Annotated[bool, typer.Option("--testbench", help="Write a self-checking test bench too.")] = False,
    dataset: DatasetName = "sample",
    limit: Annotated[int | None, _VECTORS] = None,
    out: Folder = None,
    as_json: Json = False,
) -> None:
    """Write the circuit of a network: Verilog, its ports as JSON, an instantiation template."""
    from gateware.network import TOP
    from snnhw.files import check_can_write, write_atomically
    from snnhw.presets import resolve_model
    from snnhw.testbench import testbench as bench_of
    from snnhw.verilog import emit

    chosen = resolve_model(model)
    design = circuit.design(chosen)
    shell = _shell(interface, tdata=tdata, baud=baud, clock_hz=clock_hz, bin_cycles=bin_cycles)
    folder = Path(out) if out is not None else Path(f"{Path(model).stem}_verilog")
    check_can_write(folder)
    samples = _samples(design, shell, dataset, limit) if testbench else None
    emitted = emit(design, top or TOP, shell)
    bench = {} if samples is None else bench_of(design, emitted, samples)
    paths = [*emitted.write(folder), *(write_atomically(folder / name, text) for name, text in bench.items())]
    files = [str(path) for path in paths]
    if as_json:
        record = {
            "model": model,
            "digest": chosen.digest,
            "implementation": design.implementation.model_dump(mode="json"),
        }
        print_record(
            {
                **record,
                "top": emitted.interface.top,
                "shell": shell.model_dump(mode="json"),
                "folder": str(folder),
                "files": files,
            }
        )
        return
    screen = console()
    for line in [*lanes_of(design), *(f"wrote {file}" for file in files)]:
        screen.print(line)


_OPTIONS = {"stream": (), "axi": ("tdata",), "uart": ("baud", "clock_hz"), "aer": ("bin_cycles",)}
"""The options that go with each kind of ``--interface``."""


def _shell(interface: str, **options: int | None) -> Shell:
    """The shell that the options ask for; raises DescriptionError for one that cannot be."""
    from pydantic import TypeAdapter

    from snnhw.shell import Shell

    adapter: TypeAdapter[Shell] = TypeAdapter(Shell)
    return adapter.validate_python(shell_fields(_OPTIONS, interface, adapter, **options))


def shell_fields(
    options: Mapping[str, tuple[str, ...]], interface: str, adapter: TypeAdapter[Any], **given: int | None
) -> dict[str, Any]:
    """The fields of the shell that was asked for, of kinds with those ``options``.

    Raises DescriptionError for one that cannot be, and for options that do not go together.
    """
    from pydantic import ValidationError

    from snnhw.errors import DescriptionError
    from snnhw.network import first_complaint

    if interface not in options:
        raise DescriptionError(one_of("--interface", interface, options))
    told = {name: number for name, number in given.items() if number is not None}
    for name in told:
        if name not in options[interface]:
            fitting = next(kind for kind, names in options.items() if name in names)
            raise DescriptionError(f"--{name.replace('_', '-')} goes with --interface {fitting} alone")
    if interface == "uart" and "clock_hz" not in told:
        raise DescriptionError("--interface uart needs --clock-hz, the clock that the baud is divided from")
    fields = {"kind": interface, **told}
    try:
        adapter.validate_python(fields)
    except ValidationError as error:
        raise DescriptionError(first_complaint(error)) from error
    return fields


def _samples(design: Design, shell: Shell, dataset: str, limit: int | None) -> NDArray[np.uint8]:
    """The first images of a dataset, uint8 [B, *sample_shape]: as many as a test bench of a shell sends."""
    from snnhw.cli.images import noted
    from snnhw.data import check_images, load
    from snnhw.errors import DescriptionError
    from snnhw.testbench import LIMITS

    if shell.kind not in LIMITS:
        raise DescriptionError(f"there is no test bench behind --interface {shell.kind}: write that of stream")
    count = LIMITS[shell.kind] if limit is None else limit
    network = design.network
    return check_images(noted(load(dataset, limit=count, network=network), network), network)
