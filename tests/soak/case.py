"""A case: a model, a way to build it, samples. Drawn from a seed, kept as files, read back."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from golden import network as golden
from snnhw import modelfile
from snnhw.design import Design
from snnhw.implementation import Implementation
from snnhw.model import Model
from snnhw.network import Network
from snnhw.shell import Shell
from snnhw.simulate.engines import starts_empty
from snnhw.simulate.simulation import Stall
from snnhw.simulate.verilator import VerilatorSimulator
from snnhw.verification import Report, verify
from snnhw.verilog import Emitted, emit
from snnhw.weights import image
from tests import builds, kinds
from tests.draws import Draws, RandomDraws
from tests.long_run import new_folder

SAMPLES = 10

FIRST = 64
"""Cases at the edge that come before all others."""

EDGE = replace(kinds.WIDE, layers=2, units=2, inputs=3, steps=2)
"""As small as can be: 1 to 3 inputs, 1 or 2 neurons and steps, beats that no sample fills."""

SIZES = (EDGE, kinds.SMALL, kinds.WIDE)

MODEL, CHOICES, BATCH, TEXT = "model.safetensors", "implementation.json", "samples.npz", "failure.txt"
"""The files of a case that failed."""


@dataclass(frozen=True, eq=False)
class Case:
    """A case, with what several checks need of it made once."""

    name: str
    model: Model
    implementation: Implementation
    shell: Shell
    samples: NDArray[np.uint8]
    stall: Stall
    """How source and sink pause where they do."""

    @cached_property
    def result(self) -> golden.Result:
        """What golden makes of the samples."""
        return golden.run(self.model, self.samples, traces=True)

    @cached_property
    def emitted(self) -> Emitted:
        """The Verilog, in the shell."""
        return emit(Design(self.model, self.implementation), shell=self.shell)

    @cached_property
    def simulator(self) -> VerilatorSimulator:
        """The circuit without its shell; weights that it starts without are loaded."""
        design = Design(self.model, self.implementation)
        images = (image(self.model, design),) if starts_empty(design) else ()
        return replace(VerilatorSimulator.of(design), optimise=False, images=images)

    def verified(self, stall: Stall | None = None) -> Report:
        """The circuit against golden, and its cycles against their prediction where nothing pauses."""
        return verify(Design(self.model, self.implementation), self.samples, simulator=self.simulator, stall=stall)

    @cached_property
    def report(self) -> Report:
        """The circuit against golden, nothing pausing."""
        return self.verified()


def draw_case(seed: int, number: int) -> Case:
    """Case ``number`` of a seed: the same whenever it is drawn, whatever others were."""
    random = np.random.default_rng([seed, number])
    draws = RandomDraws(random, ends=float(random.choice([0, 1 / 4, 1 / 2])))
    limits = EDGE if number < FIRST else draws.choice(SIZES)
    network = kinds.network(draws, limits)
    if draws.integer(0, 3) == 3:
        implementation = builds.named_implementation(draws, network)
    else:
        implementation = builds.implementation(draws, network, limits, memories=True)
    return Case(
        name=f"case-{seed}-{number}",
        model=kinds.model(draws, network, limits),
        implementation=implementation,
        shell=builds.shell(draws, network, implementation),
        samples=_samples(draws, network),
        stall=Stall(draws.integer(0, 1 << 16), source=draws.choice((64, 0, 200)), sink=draws.choice((64, 0, 240))),
    )


def _samples(draws: Draws, network: Network) -> NDArray[np.uint8]:
    """A dark sample, a white one, and any; some come twice in a row."""
    samples = kinds.samples(draws, network, SAMPLES)
    samples[0], samples[1] = 0, kinds.highest_pixel(network)
    samples[3] = samples[2]
    return samples


def write_case(case: Case, check: str, complaint: str, folder: Path) -> Path:
    """Write a case that failed a check into a folder of its own within ``folder``, all or nothing; its path."""
    place = folder / f"{case.name}-{check}"
    choices = {
        "check": check,
        "implementation": case.implementation.model_dump(mode="json"),
        "shell": case.shell.model_dump(mode="json"),
        "stall": asdict(case.stall),
    }
    with new_folder(place) as building:
        (building / CHOICES).write_text(json.dumps(choices, indent=1) + "\n")
        np.savez(building / BATCH, samples=case.samples)
        (building / TEXT).write_text(
            f"{case.name} failed the check '{check}': {complaint}\n\n"
            f"To run it again: python -m tests.soak --replay {place}\n"
        )
        try:
            modelfile.save(case.model, building / MODEL)
        except Exception as error:  # noqa: BLE001, the model file may be what fails
            (building / MODEL).with_suffix(".txt").write_text(f"it could not be saved: {error!r}\n")
    return place


def read_case(place: Path) -> tuple[Case, str]:
    """The case in a folder that :func:`write_case` wrote, and the check that it failed."""
    choices: dict[str, Any] = json.loads((place / CHOICES).read_text())
    with np.load(place / BATCH) as arrays:
        samples = arrays["samples"]
    case = Case(
        name=place.name.removesuffix(f"-{choices['check']}"),
        model=modelfile.load(place / MODEL),
        implementation=Implementation.model_validate(choices["implementation"]),
        shell=TypeAdapter(Shell).validate_python(choices["shell"]),
        samples=samples,
        stall=Stall(**choices["stall"]),
    )
    return case, choices["check"]
