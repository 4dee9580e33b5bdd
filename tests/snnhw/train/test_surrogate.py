import math

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor

from snnhw.train import Surrogate
from snnhw.train.surrogate import burst, fire, residue

SHAPES = {
    "atan": lambda u, a: (a / 2) / (1 + (math.pi / 2 * a * u) ** 2),
    "fast_sigmoid": lambda u, a: 1 / (1 + a * abs(u)) ** 2,
    "rectangular": lambda u, a: a if abs(u) < 1 / (2 * a) else 0.0,
}
POINTS = [-3.0, -1.0, -0.26, -0.25, -0.1, 0.0, 0.1, 0.24, 1.0, 3.0]


def tensor(values: list[float]) -> Tensor:
    return torch.tensor(values, dtype=torch.float64, requires_grad=True)


def gradient(output: Tensor, of: Tensor) -> list[float]:
    (result,) = torch.autograd.grad(output.sum(), of)
    values: list[float] = result.tolist()
    return values


@pytest.mark.parametrize("kind", SHAPES)
@pytest.mark.parametrize("slope", [0.5, 2.0])
def test_derivatives_are_the_published_shapes(kind: str, slope: float):
    came = Surrogate.model_validate({"kind": kind, "slope": slope}).derivative(tensor(POINTS)).tolist()
    assert came == pytest.approx([SHAPES[kind](u, slope) for u in POINTS])


@pytest.mark.parametrize("kind", ["atan", "rectangular"])
def test_a_spike_rises_by_one_in_all(kind: str):
    u = torch.linspace(-2000, 2000, 4_000_001, dtype=torch.float64)
    area = torch.trapezoid(Surrogate.model_validate({"kind": kind, "slope": 2.0}).derivative(u), u)
    assert float(area) == pytest.approx(1, abs=2e-3)


@pytest.mark.parametrize("kind", SHAPES)
def test_a_spike_is_a_step_with_the_derivative_of_its_surrogate(kind: str):
    surrogate = Surrogate.model_validate({"kind": kind, "slope": 2.0})
    distance = tensor([-200, -1, 0, 1, 20])
    spikes = fire(distance, 100, surrogate)
    assert spikes.tolist() == [0, 0, 1, 1, 1]
    expected = [SHAPES[kind](d / 100, 2.0) / 100 for d in distance.tolist()]
    assert gradient(spikes, distance) == pytest.approx(expected)


def test_each_neuron_may_have_a_width_of_its_own():
    distance, width = tensor([50, 50]), torch.tensor([100.0, 50.0], dtype=torch.float64)
    expected = [SHAPES["atan"](0.5, 2.0) / 100, SHAPES["atan"](1.0, 2.0) / 50]
    assert gradient(fire(distance, width, Surrogate()), distance) == pytest.approx(expected)


def test_a_residue_passes_its_gradient_where_it_is_sent_as_it_is():
    distance = tensor([-50, 0, 10, 15, 65])
    value = tensor([-50, 0, 10, 15, 65])
    sent = residue(distance, value, 15, 100, Surrogate())
    assert sent.tolist() == [0, 0, 10, 15, 15]
    beyond = SHAPES["atan"](0.5, 2.0) / SHAPES["atan"](0.0, 2.0)
    assert gradient(residue(distance, value, 15, 100, Surrogate()), value) == pytest.approx([beyond, 1, 1, 1, beyond])
    assert gradient(sent, distance) == [0] * 5


def test_a_residue_that_jumps_at_the_threshold_has_a_spikes_derivative_of_that_height():
    distance = tensor([-10, 10])
    value = (distance + 30).detach().requires_grad_()
    assert residue(distance, value, 255, 100, Surrogate()).tolist() == [0, 40]
    expected = [30 * SHAPES["atan"](u, 2.0) / 100 for u in (-0.1, 0.1)]
    assert gradient(residue(distance, value, 255, 100, Surrogate()), distance) == pytest.approx(expected)


def test_a_burst_counts_thresholds_and_takes_the_derivative_at_the_nearest():
    distance = tensor([-1, 0, 9, 10, 14, 16, 29, 90])
    count = burst(distance, 10.0, 3, 20, Surrogate())
    assert count.tolist() == [0, 1, 1, 2, 2, 2, 3, 3]
    nearest = [-1, 0, -1, 0, 4, -4, 9, 70]
    assert gradient(count, distance) == pytest.approx([SHAPES["atan"](d / 20, 2.0) / 20 for d in nearest])


def test_a_burst_that_removes_nothing_is_all_or_nothing():
    assert burst(tensor([-1, 0, 5]), 0.0, 3, 20, Surrogate()).tolist() == [0, 3, 3]


@pytest.mark.parametrize("bad", [{"slope": 0}, {"slope": math.inf}, {"slope": math.nan}, {"kind": "sine"}, {"k": 1}])
def test_impossible_surrogates_are_refused(bad: dict[str, object]):
    with pytest.raises(ValidationError):
        Surrogate.model_validate(bad)
