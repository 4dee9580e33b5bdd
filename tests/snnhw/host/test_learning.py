"""Machines that learn at the end of a line: the emitted Verilog in Verilator, held against golden."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest

from golden.stdp import Stdp
from snnhw.emission import EmittedCommandCircuit
from snnhw.errors import LinkError
from snnhw.host.commands import CommandBoard
from snnhw.host.learning import Machine, run_machine
from snnhw.host.link import open_link
from snnhw.host.simulated import SHELL, port_of
from snnhw.srbm.machine import Machine as Description
from snnhw.srbm.machine import Neuron, Periods, Phases, Synapse, Window
from snnhw.srbm.model import SrbmModel, initial_levels
from snnhw.srbm.onboard import SrbmOnBoard
from snnhw.srbm.verilog import emit as emit_srbm
from snnhw.stdp.learner import Learner
from snnhw.stdp.onboard import StdpOnBoard
from snnhw.stdp.verilog import emit as emit_stdp
from tests.snnhw.host.simple import SpoilingLink

pytestmark = pytest.mark.slow

LEARNER = Learner.usual(6, 4, pixels=10, classes=3, spikes=3, num_steps=5)
RBM = Description(
    pixels=9,
    classes=3,
    labels_per_class=2,
    hidden=7,
    biases=2,
    phases=Phases(settle=2, data=9, transition=3, model=9),
    periods=Periods(pixel=4, label=5, bias=6),
    neuron=Neuron(threshold=4097, refractory=3),
    window=Window(visible=3, hidden=2),
    inference_ticks=14,
    synapse=Synapse(refresh_rows=3),
)
LANES = 4
DRAW = np.random.default_rng(11)
IMAGES, LABELS = DRAW.integers(0, 256, (40, 10)).astype(np.uint8), DRAW.integers(0, 3, 40)
BITS = (IMAGES[:, :9] > 127).astype(np.uint8)


@pytest.fixture(scope="module")
def stdp() -> EmittedCommandCircuit:
    return emit_stdp(LEARNER, LANES, shell=SHELL)


@pytest.fixture(scope="module")
def srbm() -> EmittedCommandCircuit:
    return emit_srbm(RBM, LANES, shell=SHELL)


@contextmanager
def at_line(circuit: EmittedCommandCircuit, chance: float = 0) -> Iterator[CommandBoard]:
    with port_of(circuit) as name, open_link(name, 1_000_000) as link:
        spoilt = SpoilingLink(link, chance, 3) if chance else link
        yield CommandBoard(spoilt, 1_000_000, circuit.interface, circuit.digest, 0.5 if chance else 20.0)


def started() -> Stdp:
    golden = Stdp(LEARNER)
    draw = np.random.default_rng(4)
    golden.threshold = draw.integers(0, 60 * 15 * 64, 6)
    golden.assigned = draw.integers(0, 3, 6)
    golden.readout = draw.integers(-2048, 2048, (6, 3))
    return golden


def rbm() -> SrbmModel:
    return SrbmModel(RBM, *initial_levels(RBM, 900.0, seed=1))


def both(circuit: EmittedCommandCircuit, machine: Machine, images: np.ndarray, labels: np.ndarray = LABELS) -> None:
    """Learn 30 images of 40, and find all that is kept and every result golden's."""
    with at_line(circuit) as board:
        report = run_machine(board, machine, images[:10], labels[:10], images[10:], labels[10:])
    assert report.equal, report.divergence
    assert (report.images, report.learned) == (10, 30)
    assert report.kept == report.kept_equal


@pytest.mark.parametrize("supervised", [False, True])
def test_a_learner_learns_over_the_line_as_golden(stdp: EmittedCommandCircuit, supervised: bool):
    machine = StdpOnBoard(started(), LANES, 32, supervised=supervised)
    both(stdp, machine, IMAGES)
    assert (machine.golden.weight != Stdp(LEARNER).weight).mean() > 0.1  # what would make it an empty comparison
    model = machine.model({})
    assert np.array_equal(model.weight, machine.golden.weight)
    assert model.register == machine.golden.register


def test_a_learner_that_begins_untrained_is_given_its_classes(stdp: EmittedCommandCircuit):
    machine = StdpOnBoard(Stdp(LEARNER), LANES, 32, untrained=True)
    both(stdp, machine, IMAGES, 1 + LABELS % 2)
    assert machine.golden.assigned.any()
    assert np.array_equal(machine.model({}).assigned, machine.golden.assigned)


def test_a_spiking_rbm_learns_over_the_line_as_golden(srbm: EmittedCommandCircuit):
    model = rbm()
    machine = SrbmOnBoard(model, LANES, 300)
    both(srbm, machine, BITS)
    learned = machine.model({})
    assert (learned.gp != model.gp).mean() > 0.1
    assert np.array_equal(learned.gp, machine.golden.gp)
    assert (learned.walk, learned.refresh) == (machine.golden.walk, machine.golden.refresh)


def test_a_line_that_spoils_bytes_costs_time_and_changes_nothing(stdp: EmittedCommandCircuit):
    with at_line(stdp, 0.001) as board:
        report = run_machine(board, StdpOnBoard(started(), LANES, 32), IMAGES[:10], None, IMAGES[10:])
    assert report.equal, report.divergence
    assert report.repeated > 0


def test_a_weight_that_is_another_is_found(stdp: EmittedCommandCircuit):
    machine = StdpOnBoard(started(), LANES, 32)
    loads = machine.load()
    machine.golden.weight[3, 2] ^= 1
    machine.load = lambda: loads  # type: ignore[method-assign]
    with at_line(stdp) as board:
        report = run_machine(board, machine, IMAGES[:0], None, IMAGES[10:11])
    assert not report.equal
    assert report.kept_equal["weights"] < report.kept["weights"]


def test_a_command_in_the_middle_is_forgotten_with_a_reset(
    stdp: EmittedCommandCircuit, monkeypatch: pytest.MonkeyPatch
):
    """An image of which half came stops nobody who comes later, and what was learned stays."""
    machine = StdpOnBoard(started(), LANES, 32)
    with at_line(stdp) as board:
        board.begin()
        list(board.do(machine.load()))
        half = machine.infer(IMAGES[0])
        cut = {"pixels": {"pixels": half.sends["pixels"]["pixels"][:1]}}
        monkeypatch.setattr("snnhw.host.commands.STUCK_SILENCES", 0.1)
        with pytest.raises(LinkError, match="has been doing INFER for 2 seconds"):
            list(board.do([replace(half, sends=cut)]))
        monkeypatch.undo()
        machine.load = list  # type: ignore[method-assign]  # what was loaded before is still there, but for the register
        machine.golden.register = LEARNER.seed
        report = run_machine(board, machine, IMAGES[:5], LABELS[:5], IMAGES[5:9], LABELS[5:9])
    assert report.equal, report.divergence


def test_another_circuit_is_refused(stdp: EmittedCommandCircuit, srbm: EmittedCommandCircuit):
    with port_of(stdp) as name, open_link(name, 1_000_000) as link:
        board = CommandBoard(link, 1_000_000, srbm.interface, srbm.digest, 20.0)
        with pytest.raises(LinkError, match=f"is that of {stdp.digest[:16]}..., not of {srbm.digest[:16]}"):
            board.begin()
