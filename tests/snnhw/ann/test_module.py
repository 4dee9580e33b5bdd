"""What is found in a torch module, and what is refused of one."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from snnhw.ann.activations import check_equal, largest, outputs
from snnhw.ann.module import Pool, stages_of
from snnhw.errors import ModelError


def trained(module: nn.Module) -> nn.Module:
    """A module whose batch normalisation has seen something, in evaluation mode."""
    torch.manual_seed(3)
    for part in module.modules():
        if isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d):
            if part.affine:
                nn.init.uniform_(part.weight, 0.5, 2.0)
                nn.init.normal_(part.bias)
            assert part.running_mean is not None and part.running_var is not None
            nn.init.normal_(part.running_mean)
            nn.init.uniform_(part.running_var, 0.2, 3.0)
    return module.eval()


def lenet() -> nn.Sequential:
    return nn.Sequential(
        nn.Sequential(nn.Conv2d(1, 3, 5, padding=2), nn.BatchNorm2d(3), nn.ReLU(), nn.MaxPool2d(2)),
        nn.Conv2d(3, 4, (3, 2), stride=(1, 2), bias=False),
        nn.BatchNorm2d(4, affine=False),
        nn.ReLU(),
        nn.AvgPool2d((2, 1)),
        nn.Dropout(0.5),
        nn.Flatten(),
        nn.Linear(4 * 3 * 4, 6),
        nn.BatchNorm1d(6),
        nn.ReLU(),
        nn.Linear(6, 5),
        nn.LogSoftmax(dim=1),
    )


class Functional(nn.Module):
    """The same chain, written as functions."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.hidden, self.output = nn.Conv2d(1, 2, 3), nn.Linear(2 * 3 * 3, 4), nn.Linear(4, 3)
        self.dropout = nn.Dropout(0.2)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.max_pool2d(functional.relu(self.conv(x)), 2)
        x = self.dropout(x.view(x.size(0), -1))
        x = functional.dropout(self.hidden(x).relu(), training=self.training)
        return functional.log_softmax(self.output(x), dim=1)


def test_stages_hold_weights_pools_and_what_is_folded_into_them():
    stages = stages_of(trained(lenet()))
    assert [stage.name for stage in stages] == ["conv1", "conv2", "hidden1", "output"]
    assert [stage.clipped for stage in stages] == [True, True, True, False]
    assert [stage.pools for stage in stages] == [(Pool("max", (2, 2)),), (Pool("average", (2, 1)),), (), ()]
    assert (stages[0].padding, stages[1].stride) == ((2, 2), (1, 2))


@pytest.mark.parametrize("size", [(1, 16, 17), (1, 17, 16)])
def test_stages_compute_what_the_module_does(size: tuple[int, ...]):
    module = trained(lenet()).double()
    images = np.random.default_rng(1).random((4, *size))
    *_, logits = outputs(stages_of(module), images)
    assert torch.allclose(logits.log_softmax(dim=1), module(torch.from_numpy(images)), atol=1e-9)


def test_functions_are_found_as_modules_are():
    module = Functional().eval().double()
    images = np.random.default_rng(2).random((3, 1, 8, 8))
    stages = stages_of(module)
    assert [(stage.name, stage.clipped, len(stage.pools)) for stage in stages] == [
        ("conv1", True, 1),
        ("hidden1", True, 0),
        ("output", False, 0),
    ]
    *_, logits = outputs(stages, images)
    assert torch.allclose(logits.log_softmax(dim=1), module(torch.from_numpy(images)), atol=1e-9)


def test_a_maximum_may_be_taken_before_the_clip():
    before = nn.Sequential(nn.Conv2d(1, 2, 3), nn.MaxPool2d(2), nn.ReLU(), nn.Flatten(), nn.Linear(2, 2))
    after = nn.Sequential(before[0], before[2], before[1], before[3], before[4])
    for one, other in zip(stages_of(before), stages_of(after), strict=True):
        assert (one.clipped, one.pools) == (other.clipped, other.pools)


def test_what_is_padded_the_same_is_padded_by_half_a_kernel():
    (first, _) = stages_of(nn.Sequential(nn.Conv2d(1, 1, (3, 5), padding="same"), nn.ReLU(), nn.Linear(4, 2)))
    assert first.padding == (1, 2)


class Joined(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.one, self.output = nn.Linear(4, 4), nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.output(functional.relu(self.one(x)) + x)


class Branching(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x if x.sum() > 0 else -x


def negative() -> nn.BatchNorm2d:
    part = nn.BatchNorm2d(2)
    part.running_var = torch.tensor([1.0, -1.0])
    return part


def not_finite() -> nn.Linear:
    layer = nn.Linear(2, 2)
    layer.weight.data[0, 0] = torch.nan
    return layer


CONV, END = nn.Conv2d(1, 2, 3), (nn.ReLU(), nn.Flatten(), nn.Linear(8, 2))

REFUSED: dict[str, tuple[nn.Module, str]] = {
    "another activation": (nn.Sequential(CONV, nn.Tanh(), *END), r"1 \(Tanh\) cannot be converted; what can: Conv2d,"),
    "two paths": (Joined(), "add, which joins two paths"),
    "control flow": (Branching(), r"Branching cannot be traced .*: give a torch.nn.Sequential"),
    "no activation": (nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 2)), r"1 \(Linear\) follows '0' without a ReLU"),
    "normalised afterwards": (
        nn.Sequential(CONV, nn.ReLU(), nn.BatchNorm2d(2), *END),
        r"2 \(BatchNorm2d\) must follow a Conv2d or Linear at once",
    ),
    "no statistics": (
        nn.Sequential(CONV, nn.BatchNorm2d(2, track_running_stats=False), *END),
        "has no running statistics",
    ),
    "groups": (nn.Sequential(nn.Conv2d(2, 2, 3, groups=2), *END), r"0 \(Conv2d\) must have groups=1"),
    "dilated": (nn.Sequential(nn.Conv2d(1, 2, 3, dilation=2), *END), r"0 \(Conv2d\) must have groups=1, dilation=1"),
    "reflected": (nn.Sequential(nn.Conv2d(1, 2, 3, 1, 1, padding_mode="reflect"), *END), "padding_mode='zeros'"),
    "an even kernel": (nn.Sequential(nn.Conv2d(1, 2, 2, padding="same"), *END), "pads 'same' with an even kernel"),
    "overlapping windows": (nn.Sequential(CONV, nn.ReLU(), nn.MaxPool2d(3, 1), *END[1:]), "windows side by side"),
    "a padded average": (nn.Sequential(CONV, nn.ReLU(), nn.AvgPool2d(2, padding=1), *END[1:]), "windows side by side"),
    "an average before the clip": (nn.Sequential(CONV, nn.AvgPool2d(2), *END), "AvgPool2d. stands before a ReLU"),
    "a pool of a row": (nn.Sequential(nn.Linear(4, 4), nn.MaxPool2d(2), nn.ReLU(), nn.Linear(4, 2)), "no rows and col"),
    "flattened in part": (nn.Sequential(CONV, nn.ReLU(), nn.Flatten(2), nn.Linear(8, 2)), r"Flatten. must flatten"),
    "a softmax within": (nn.Sequential(nn.Linear(4, 4), nn.LogSoftmax(1), nn.Linear(4, 2)), "stands before the end"),
    "a pool first": (nn.Sequential(nn.MaxPool2d(2), CONV, *END), r"0 \(MaxPool2d\) stands before any Conv2d or Linear"),
    "clipped classes": (nn.Sequential(nn.Linear(4, 2), nn.ReLU()), "must end with a Linear"),
    "nothing": (nn.Sequential(nn.Flatten()), "neither Conv2d nor Linear"),
    "other channels": (nn.Sequential(CONV, nn.BatchNorm2d(3), *END), r"BatchNorm2d. has 3 channels, and '0' gives 2"),
    "without numbers": (nn.Sequential(nn.LazyLinear(3)), "the module has no numbers that can be read"),
    "on no device": (nn.Sequential(nn.Linear(3, 2, device="meta")), "Sequential has no numbers that can be read"),
    "a negative variance": (nn.Sequential(CONV, negative(), *END), r"BatchNorm2d. has means or variances that are no"),
    "not finite": (nn.Sequential(not_finite()), r"0 \(Linear\) has weights or biases that are no finite numbers"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_converted_is_named(case: str):
    module, complaint = REFUSED[case]
    with pytest.raises(ModelError, match=complaint) as error:
        stages_of(module)
    assert "\n" not in str(error.value)


class Doing(nn.Module):
    """A chain beside which something is done."""

    def __init__(self, what: str) -> None:
        super().__init__()
        torch.manual_seed(2)  # with weights by which what is done matters
        self.what, self.conv, self.output = what, nn.Conv2d(1, 2, 3), nn.Linear(8, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.relu(self.conv(x))
        if self.what == "clamps":
            x.clamp_(max=0.01)
        x = self.output(x.view(x.size(0), 8))
        if self.what == "adds":
            x.add_(torch.arange(2))
        return functional.log_softmax(x, dim=0 if self.what == "compares images" else 1)


def hooked(where: str) -> nn.Module:
    torch.manual_seed(2)
    module = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8, 2))
    if where == "before":
        module.register_forward_pre_hook(lambda _, given: ((given[0] - 0.5) / 0.3,))
    else:
        module[1].register_forward_hook(lambda _, given, made: 2 * made - 1)
    return module


BESIDE: dict[str, nn.Module] = {
    "clamped": Doing("clamps"),
    "added": Doing("adds"),
    "a log softmax of images": Doing("compares images"),
    "a hook before": hooked("before"),
    "a hook within": hooked("within"),
}


@pytest.mark.parametrize("case", BESIDE)
def test_what_is_done_beside_the_chain_is_found(case: str):
    module = BESIDE[case]
    with pytest.raises(ModelError, match="the module gives other outputs than its chain of layers"):
        check_equal(module, stages_of(module), np.random.default_rng(1).random((5, 4, 4)))


def test_the_chain_itself_is_equal_in_training_mode_too_and_is_left_as_it_is():
    module = trained(lenet()).train()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    check_equal(module, stages_of(module), np.random.default_rng(1).random((5, 16, 17)))
    assert module.training
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())


def test_a_module_that_takes_no_such_images_is_told():
    module = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Linear(8, 2))
    with pytest.raises(ModelError, match=r"the module itself takes no images of \[4, 4\]: "):
        check_equal(module, stages_of(module), np.zeros((1, 4, 4)))


def test_limits_are_percentiles_of_units_or_of_the_whole_stage():
    module = nn.Sequential(nn.Linear(1, 2, bias=False), nn.ReLU(), nn.Linear(2, 1))
    weights: Any = torch.tensor([[1.0], [10.0]])
    module[0].weight.data = weights
    images = np.arange(101)[:, None, None] / 100.0
    by_channel, _ = largest(stages_of(module), images, 90, per_channel=True, zeros=True)
    assert by_channel.tolist() == pytest.approx([0.9, 9.0])
    whole, _ = largest(stages_of(module), images, 50, per_channel=False, zeros=True)
    # 0, 0.01 .. 0.9 and 0, 0.1 .. 0.9 are 101 of 202; the next is 0.91.
    assert whole.tolist() == pytest.approx([0.905, 0.905])
    above, _ = largest(stages_of(module), images, 50, per_channel=True, zeros=False)
    assert above.tolist() == pytest.approx([0.505, 5.05])


def test_of_many_outputs_those_of_every_other_image_are_kept(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("snnhw.ann.activations._MOST", 40)
    module = nn.Sequential(nn.Linear(1, 1, bias=False), nn.ReLU(), nn.Linear(1, 1))
    module[0].weight.data = torch.ones(1, 1)
    images = np.array([0.25, 1.0] * 30)[:, None, None]
    limit, _ = largest(stages_of(module), images, 100, per_channel=True, zeros=True)
    assert limit.tolist() == [0.25]
