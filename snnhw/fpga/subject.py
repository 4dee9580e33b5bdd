"""What a build needs to know of a subject, whatever it computes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from snnhw.data import Dataset
from snnhw.design import Design
from snnhw.emission import EmittedCommandCircuit
from snnhw.fpga.cost import cost
from snnhw.fpga.parts import Part
from snnhw.fpga.place import ADVICE
from snnhw.fpga.report import CommandImplementation, Cycles, Work
from snnhw.fpga.room import check_design
from snnhw.fpga.stages import Stages
from snnhw.implementation import Implementation
from snnhw.semantics import semantics
from snnhw.shell import StreamShell, UartShell
from snnhw.verilog import Emitted, emit

__all__ = ["BuildSubject", "network_subject"]


@dataclass(frozen=True)
class BuildSubject:
    """A circuit that can be built in a shell, and what its report says of it.

    ``instances`` are the names of the circuit's parts, for which cells are counted apart. ``emit`` makes its Verilog in
    a shell. ``cost`` tells the cycles of a dataset's images, and their work where it is counted; it raises DatasetError
    where they do not fit. ``advice`` tells by resource, in words, what to change where a part has not enough of it;
    ``spram`` says whether a memory is to stand in single-port RAM, which few parts have. ``check_room`` raises FitError
    where a part is too small whatever synthesis makes of the circuit; it elaborates nothing.
    """

    digest: str
    semantics: tuple[str, ...]
    implementation: Implementation | CommandImplementation
    instances: tuple[str, ...]
    emit: Callable[[StreamShell | UartShell], Emitted | EmittedCommandCircuit]
    cost: Callable[[Dataset], tuple[Cycles, Work | None]]
    advice: Mapping[str, str] = field(default_factory=lambda: ADVICE)
    spram: bool = False
    check_room: Callable[[Part], None] = lambda part: None


def network_subject(design: Design) -> BuildSubject:
    """The design of a network as a build takes it."""
    return BuildSubject(
        digest=design.model.digest,
        semantics=tuple(semantics(design.model)),
        implementation=design.implementation,
        instances=Stages.of(design.network).names,
        emit=lambda shell: emit(design, shell=shell),
        cost=lambda dataset: cost(design, dataset),
        spram=any(layer.memory == "spram" for layer in design.implementation.layers),
        check_room=lambda part: check_design(design, part),
    )
