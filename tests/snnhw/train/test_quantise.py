import pytest
import torch

from snnhw.network import Range
from snnhw.train.quantise import clamp_latent, integers, shift

LIMITS = Range(lo=-8, hi=7)


def test_integers_are_the_nearest_within_the_limits_and_pass_their_gradient():
    latent = torch.tensor([-8.4, -0.5, 0.4, 1.5, 2.6, 7.49, 9.0], requires_grad=True)
    rounded = integers(latent, LIMITS)
    assert rounded.tolist() == [-8, 0, 0, 2, 3, 7, 7]
    (gradient,) = torch.autograd.grad((rounded * torch.arange(7)).sum(), latent)
    assert gradient.tolist() == [0, 1, 2, 3, 4, 5, 6]


def test_latent_numbers_come_back_to_where_a_step_counts():
    latent = torch.tensor([-20.0, 3.2, 20.0])
    clamp_latent(latent, LIMITS)
    assert latent.tolist() == pytest.approx([-8.49, 3.2, 7.49])
    assert integers(latent, LIMITS).tolist() == [-8, 3, 7]


@pytest.mark.parametrize("bits", [1, 2, 7])
def test_shifts_are_pythons_and_divide_the_gradient(bits: int):
    numbers = [*range(-300, 301), -(1 << 24), (1 << 24) - 1]
    value = torch.tensor(numbers, dtype=torch.float32, requires_grad=True)
    shifted = shift(value, bits)
    assert shifted.tolist() == [number >> bits for number in numbers]
    assert shift(value, bits, "toward_zero").tolist() == [int(number / (1 << bits)) for number in numbers]
    (gradient,) = torch.autograd.grad(shifted.sum(), value)
    assert set(gradient.tolist()) == {2.0**-bits}
