"""Weights as PyTorch holds them become a model, or are refused in one line that says what to do."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from snnhw.errors import ModelError
from snnhw.model import Model

WEIGHT = torch.arange(-6, 6).reshape(3, 4) / 8
"""Exact in every kind of float."""

TAKEN = {
    "bfloat16": WEIGHT.bfloat16(),
    "float16": WEIGHT.half(),
    "float8": WEIGHT.to(torch.float8_e4m3fn),
    "sparse": WEIGHT.to_sparse(),
    "parameter": nn.Parameter(WEIGHT),
    "negated view": (-WEIGHT)._neg_view().resolve_neg(),
}


@pytest.mark.parametrize("case", TAKEN)
def test_every_tensor_of_these_numbers_is_the_same_model(case: str):
    expected = Model.from_arrays([WEIGHT.numpy()], biases=[np.zeros(3)]).digest
    weight = TAKEN[case]
    assert Model.from_arrays([weight], biases=[torch.zeros(3, requires_grad=True)]).digest == expected
    state = Model.from_state_dict({"output.weight": weight, "output.bias": torch.zeros(3)})
    assert state.layer("output").weight.tolist() == Model.from_arrays([WEIGHT]).layer("output").weight.tolist()


def quantised() -> Any:
    return torch.quantize_per_tensor(WEIGHT, 0.125, 0, torch.qint8)


REFUSED = {
    "quantised": (quantised, r"is quantised: give the integers of its .int_repr\(\)"),
    "meta": (lambda: WEIGHT.to("meta"), "is on the meta device and holds no numbers: load the weights first"),
    "complex": (lambda: WEIGHT.to(torch.complex64), "must be integers or floats, not complex64 such as"),
    "lazy": (lambda: nn.LazyLinear(3).weight, "is no array of numbers .*uninitialized parameter"),
    "words": (lambda: "x", "must be integers or floats, not str such as 'x'"),
}


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("case", REFUSED)
def test_tensors_without_numbers_are_refused_in_one_line(case: str):
    make, message = REFUSED[case]
    for build in (
        lambda weight: Model.from_arrays([weight]),
        lambda weight: Model.from_state_dict({"fc.weight": weight}),
    ):
        with pytest.raises(ModelError, match=message) as raised:
            build(make())
        assert "\n" not in str(raised.value)
        assert len(str(raised.value)) < 300


def test_a_module_is_answered_with_its_state_dict():
    module = nn.Sequential(nn.Linear(4, 3))
    with pytest.raises(ModelError, match=r"this is a Sequential, not its weights: pass .state_dict\(\) of it"):
        Model.from_state_dict(module)  # type: ignore[arg-type]
    with pytest.raises(ModelError, match=r"weights are a Sequential: give its .state_dict\(\) to Model"):
        Model.from_arrays(module)  # type: ignore[arg-type]


def test_thresholds_may_be_tensors():
    thresholds = torch.tensor([0.5, 1.0, 1.5], dtype=torch.bfloat16, requires_grad=True)
    model = Model.from_arrays([WEIGHT], thresholds=[thresholds], readout="count")
    assert model.digest == Model.from_arrays([WEIGHT], thresholds=[np.array([0.5, 1, 1.5])], readout="count").digest
