"""The description of a network in floating point: shapes, the module that it describes, and what is refused."""

from typing import Any

import pytest
import torch
from torch import nn

from snnhw.ann.build import module_of, tensors_of
from snnhw.ann.network import Ann, parse_ann
from snnhw.ann.presets import ANN_PRESETS, find_ann_preset, lenet5
from snnhw.errors import DescriptionError

CONV: dict[str, Any] = {"kind": "conv2d", "channels": 3, "kernel": 3}
FLAT, OUT = {"kind": "flatten"}, {"kind": "linear", "units": 2}


def described(*parts: Any, input_shape: Any = (6, 7)) -> Ann:
    return parse_ann({"input_shape": input_shape, "parts": parts})


def test_lenet5_is_the_one_of_the_textbook_with_batch_normalisation():
    modules = [type(module) for module in module_of(lenet5())]
    convolution = [nn.Conv2d, nn.BatchNorm2d, nn.ReLU, nn.MaxPool2d]
    assert modules == [*convolution * 2, nn.Flatten, nn.Linear, nn.ReLU, nn.Linear, nn.ReLU, nn.Linear]
    weights = [shape for name, shape in lenet5().tensor_shapes.items() if name.endswith("weight") and len(shape) > 1]
    assert weights == [(6, 1, 5, 5), (16, 6, 5, 5), (120, 400), (84, 120), (10, 84)]
    # 28 x 28 and two zeros around it are the 32 x 32 that LeNet-5 takes: 28, then 14, 10, 5.
    assert [shape for shape in lenet5().shapes if len(shape) == 3][::4] == [(1, 28, 28), (6, 14, 14), (16, 5, 5)]


@pytest.mark.parametrize(
    "parts",
    [
        [CONV, {"kind": "batch_norm"}, {"kind": "relu"}, {"kind": "max_pool2d", "size": [2, 1]}, FLAT, OUT],
        [{**CONV, "padding": [1, 2], "kernel": [1, 4]}, FLAT, OUT],
        [FLAT, {"kind": "linear", "units": 5}, {"kind": "batch_norm"}, {"kind": "relu"}, OUT],
    ],
)
@pytest.mark.parametrize("input_shape", [(6, 7), (2, 6, 7)])
def test_shapes_are_those_of_the_module(parts: list[Any], input_shape: tuple[int, ...]):
    ann = described(*parts, input_shape=input_shape)
    module = module_of(ann).eval()
    values = torch.zeros(1, *ann.shapes[0])
    for part, shape in zip(module, ann.shapes[1:], strict=True):
        values = part(values)
        assert tuple(values.shape[1:]) == shape
    assert {name: array.shape for name, array in tensors_of(module).items()} == ann.tensor_shapes
    assert ann.classes == 2


@pytest.mark.parametrize(
    ("parts", "complaint"),
    [
        ([CONV], "the last part must be 'linear', not 'conv2d'"),
        ([OUT], "part 0 (linear): a 'flatten' must come before it"),
        ([{**CONV, "kernel": 8}, FLAT, OUT], "part 0 (conv2d): a window of 8x8 does not fit 6x7"),
        ([{"kind": "max_pool2d", "size": [7, 1]}, FLAT, OUT], "part 0 (max_pool2d): a window of 7x1 does not fit 6x7"),
        ([FLAT, CONV, OUT], "part 1 (conv2d): it needs rows and columns, which a 'flatten' has taken away"),
        ([{"kind": "softmax"}, OUT], "parts.0: Input tag 'softmax' found using 'kind' does not match"),
    ],
)
def test_what_does_not_fit_is_one_line_that_names_the_part(parts: list[Any], complaint: str):
    with pytest.raises(DescriptionError) as raised:
        described(*parts)
    assert complaint in str(raised.value) and "\n" not in str(raised.value)


def test_presets_by_name():
    assert {name: preset.name for name, preset in ANN_PRESETS.items()} == {name: name for name in ANN_PRESETS}
    assert "lenet5-ann" in repr(find_ann_preset("lenet5-ann"))
    with pytest.raises(DescriptionError, match="did you mean 'lenet5-ann'"):
        find_ann_preset("lenet5-an")
