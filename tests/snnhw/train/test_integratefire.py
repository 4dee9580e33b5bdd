"""Neurons in one function with a backward pass of its own, against the steps that are differentiated one by one."""

from typing import Any

import pytest
import torch

import snnhw.train.integratefire
import snnhw.train.neuron
from snnhw.network import Leak, Neuron, Range, Spike
from snnhw.train.integratefire import can_integrate_and_fire
from snnhw.train.neuron import run_neurons
from snnhw.train.surrogate import Surrogate

STEPS = 4


def gradients(neuron: Neuron, currents: torch.Tensor, surrogate: Surrogate) -> list[torch.Tensor]:
    """Spikes, membrane, and the gradients of what is weighted at random: of currents, and of threshold and amount."""
    random = torch.Generator().manual_seed(5)
    currents = currents.clone().requires_grad_()
    parameters: dict[str, Any] = {"initial": float(neuron.initial), "leak_amount": float(neuron.leak.amount)}
    learned = [currents]
    for name in ("threshold", "reset_amount"):
        if name in neuron.parameters and neuron.tensor_of(name):
            parameters[name] = torch.randint(5, 20, (12,), generator=random).float().requires_grad_()
            learned.append(parameters[name])
        elif name in neuron.parameters:
            parameters[name] = float(neuron.parameters[name])
    activity = run_neurons(neuron, parameters, currents, STEPS, surrogate)
    assert activity.membrane is not None
    weight = torch.randn((STEPS, 30, 12), generator=random)
    loss = (activity.events * weight).sum() + (activity.membrane * weight[0]).sum() / 8
    torch.autograd.backward(loss)
    found = [number.grad for number in learned if number.grad is not None]
    assert len(found) == len(learned)
    return [torch.stack(activity.spikes).detach(), activity.events.detach(), activity.membrane.detach(), *found]


@pytest.mark.parametrize("surrogate", [Surrogate(kind=kind) for kind in ("atan", "fast_sigmoid", "rectangular")])
@pytest.mark.parametrize("steps", [1, STEPS], ids=["constant", "each step"])
@pytest.mark.parametrize(
    "neuron",
    [
        Neuron(threshold="per_neuron"),
        Neuron(threshold="per_neuron", reset_amount="per_neuron", initial=4),
        Neuron(threshold="per_neuron", reset_amount=3),
        Neuron(threshold=7),
        Neuron(threshold="per_neuron", reset="zero"),
        Neuron(threshold=12, reset="none", leak=Leak(kind="shift", bits=1)),
        Neuron(threshold="per_neuron", leak=Leak(kind="shift", bits=2, rounding="toward_zero")),
        Neuron(threshold="per_neuron", reset="zero", leak=Leak(kind="multiply", amount=3, bits=3)),
        Neuron(threshold=7, leak=Leak(kind="subtract", amount=2)),
    ],
    ids=["threshold", "amount", "fixed amount", "fixed", "zero", "none", "shift", "multiply", "subtract"],
)
def test_spikes_and_gradients_are_the_same_bits(
    monkeypatch: pytest.MonkeyPatch, neuron: Neuron, steps: int, surrogate: Surrogate
):
    currents = torch.randint(-9, 22, (steps, 30, 12), generator=torch.Generator().manual_seed(4)).float()
    together = gradients(neuron, currents, surrogate)
    monkeypatch.setattr(snnhw.train.neuron, "can_integrate_and_fire", lambda neuron: False)
    one_by_one = gradients(neuron, currents, surrogate)
    assert 0.2 < float(together[0].mean()) < 0.8
    assert len(together) == len(one_by_one)
    assert all(torch.equal(first, second) for first, second in zip(together, one_by_one, strict=True))


@pytest.mark.parametrize(
    "other",
    [
        {"leak": Leak(kind="subtract", amount="per_neuron")},
        {"refractory": 1},
        {"membrane": Range(lo=-50, hi=50)},
        {"reset_delay": True},
        {"spike": Spike(kind="residue", bits=4), "reset_amount": 3},
        {"initial": "per_neuron"},
    ],
    ids=lambda other: next(iter(other)),
)
def test_neurons_that_do_more_are_left_to_the_steps(other: dict[str, Any]):
    assert can_integrate_and_fire(Neuron(threshold=7))
    assert not can_integrate_and_fire(Neuron(**{"threshold": 7, **other}))
    assert not can_integrate_and_fire(Neuron.integrator())


def test_a_batch_in_parts_gives_what_it_gives_whole(monkeypatch: pytest.MonkeyPatch):
    neuron = Neuron(threshold="per_neuron", reset="zero", leak=Leak(kind="shift", bits=1))
    currents = torch.randint(-9, 22, (STEPS, 30, 12), generator=torch.Generator().manual_seed(4)).float()
    whole = gradients(neuron, currents, Surrogate())
    monkeypatch.setattr(snnhw.train.integratefire, "_TOGETHER", 12 * 7)
    parts = gradients(neuron, currents, Surrogate())
    *same, by_threshold = zip(whole, parts, strict=True)
    assert all(torch.equal(first, second) for first, second in same)
    torch.testing.assert_close(*by_threshold)
    assert bool((by_threshold[0] != 0).any())
