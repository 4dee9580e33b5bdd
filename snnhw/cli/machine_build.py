"""What ``snnhw build`` does for a spiking RBM."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from snnhw.cli.build import BuildOptions
from snnhw.cli.circuit import Lanes
from snnhw.cli.commanded import build_circuit, check_lanes
from snnhw.cli.output import Json
from snnhw.subject import SubjectKind

if TYPE_CHECKING:
    from snnhw.data import Dataset
    from snnhw.fpga.subject import BuildSubject


def build_machine(name: str, *, on: BuildOptions, lanes: Lanes = None, as_json: Json = False) -> None:
    """Build the circuit of a machine for a board or a part; its levels are loaded when it runs."""
    from snnhw.srbm.verify import LANES

    chosen = check_lanes(lanes, LANES, SubjectKind.SRBM)

    def subject() -> tuple[BuildSubject, Callable[[Dataset], object]]:
        from snnhw.fpga.learners import srbm_subject
        from snnhw.srbm.evaluate import inputs
        from snnhw.srbm.presets import resolve_srbm

        model = resolve_srbm(name)
        return srbm_subject(model, chosen), partial(inputs, model)

    build_circuit(name, on, subject, as_json=as_json)
