"""What ``snnhw build`` does for a learner by STDP."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from snnhw.cli.build import BuildOptions
from snnhw.cli.circuit import Lanes
from snnhw.cli.commanded import build_circuit, check_lanes
from snnhw.cli.learner_circuit import Spram, weight_memory
from snnhw.cli.output import Json
from snnhw.subject import SubjectKind

if TYPE_CHECKING:
    from snnhw.data import Dataset
    from snnhw.fpga.subject import BuildSubject


def build_learner(
    name: str, *, on: BuildOptions, lanes: Lanes = None, spram: Spram = False, as_json: Json = False
) -> None:
    """Build the circuit of a learner for a board or a part; what it has learned is loaded when it runs."""
    from snnhw.stdp.verify import LANES

    chosen = check_lanes(lanes, LANES, SubjectKind.STDP)

    def subject() -> tuple[BuildSubject, Callable[[Dataset], object]]:
        from snnhw.fpga.learners import stdp_subject
        from snnhw.stdp.evaluate import inputs
        from snnhw.stdp.presets import resolve_stdp

        model = resolve_stdp(name)
        return stdp_subject(model, chosen, weight_memory(spram)), partial(inputs, model.learner)

    build_circuit(name, on, subject, as_json=as_json)
