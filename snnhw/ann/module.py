"""A trained module of torch as a chain of stages, in floating point: what a conversion takes, and nothing of torch's.

The order is what ``torch.fx`` traces from the output back to the input. Batch normalisation is folded into the
weights before it, dropout left out, and a ``LogSoftmax`` at the end too, which no order of classes depends on.
"""

from __future__ import annotations

import copy
import operator
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import fx, nn
from torch.nn import functional

from snnhw.errors import ModelError

__all__ = ["Pool", "Stage", "evaluated", "short", "stages_of"]

Array = NDArray[np.float64]

_WHAT_IS_TAKEN = (
    "Conv2d, BatchNorm1d, BatchNorm2d, ReLU, MaxPool2d, AvgPool2d, Flatten, Linear, Dropout, and LogSoftmax at the end"
)


@dataclass(frozen=True)
class Pool:
    """Windows side by side, and what is taken of each."""

    kind: Literal["max", "average"]
    size: tuple[int, int]


@dataclass(frozen=True)
class Stage:
    """Weights, bias, whether what they give is clipped at 0 (the last stage's is not), and the pools behind it."""

    name: str
    weight: Array
    """[out, in], or of a convolution [out, in, height, width]."""
    bias: Array
    """[out]"""
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    clipped: bool = False
    pools: tuple[Pool, ...] = ()

    @property
    def is_convolution(self) -> bool:
        """Whether it has positions."""
        return self.weight.ndim == 4


def evaluated(module: nn.Module) -> nn.Module:
    """A copy of a module, in evaluation mode and in float64; raises ModelError for what is none, or has no numbers."""
    if not isinstance(module, nn.Module):
        raise ModelError(f"what is converted must be a torch.nn.Module, not {type(module).__name__}")
    try:
        return copy.deepcopy(module).eval().cpu().double()
    except Exception as error:  # of lazy and meta modules, and whatever a module does in its own code
        raise ModelError(f"{_kind(module)} has no numbers that can be read: {short(error)}") from error


def stages_of(module: nn.Module) -> tuple[Stage, ...]:
    """The stages of a module; raises ModelError, one line that names what cannot be converted.

    What a module does beside its chain, such as hooks, is not seen: `snnhw.ann.activations.check_equal` finds that.
    """
    stages: list[Stage] = []
    parts = _parts(evaluated(module))
    for position, (name, part) in enumerate(parts):
        if isinstance(part, _IGNORED):
            continue
        if isinstance(part, nn.LogSoftmax):
            if position != len(parts) - 1:
                raise ModelError(f"{name} (LogSoftmax) stands before the end, where it alone can be left out")
            continue
        if isinstance(part, nn.Conv2d | nn.Linear):
            if stages and not stages[-1].clipped:
                raise ModelError(f"{name} ({_kind(part)}) follows '{stages[-1].name}' without a ReLU between them")
            stages.append(_weights(name, part))
        elif not stages:
            if not isinstance(part, nn.Flatten):
                raise ModelError(f"{name} ({_kind(part)}) stands before any Conv2d or Linear")
            _check_flatten(name, part)
        else:
            stages[-1] = _followed(stages[-1], name, part)
    if not stages:
        raise ModelError("the module has neither Conv2d nor Linear")
    if stages[-1].clipped or stages[-1].is_convolution:
        raise ModelError(
            f"the module must end with a Linear, whose outputs are the classes; it ends with {parts[-1][0]}"
        )
    return tuple(replace(stage, name=name) for stage, name in zip(stages, _names(stages), strict=True))


_IGNORED = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.AlphaDropout, nn.Identity)
"""Does nothing once trained."""


def _names(stages: list[Stage]) -> Iterator[str]:
    """conv1, conv2, ..., hidden1, ..., output."""
    counts = {"conv": 0, "hidden": 0}
    for stage in stages[:-1]:
        kind = "conv" if stage.is_convolution else "hidden"
        counts[kind] += 1
        yield f"{kind}{counts[kind]}"
    yield "output"


def _kind(part: nn.Module) -> str:
    return type(part).__name__


def _weights(name: str, part: nn.Conv2d | nn.Linear) -> Stage:
    """A stage that begins with these weights."""
    weight = _array(part.weight)
    bias = np.zeros(len(weight)) if part.bias is None else _array(part.bias)
    if not (np.isfinite(weight).all() and np.isfinite(bias).all()):
        raise ModelError(f"{name} ({_kind(part)}) has weights or biases that are no finite numbers")
    if isinstance(part, nn.Linear):
        return Stage(name, weight, bias)
    if part.groups != 1 or part.dilation != (1, 1) or part.padding_mode != "zeros":
        raise ModelError(f"{name} (Conv2d) must have groups=1, dilation=1 and padding_mode='zeros'")
    stride, kernel = _pair(part.stride), _pair(part.kernel_size)
    if isinstance(part.padding, str):
        if part.padding == "same" and any(size % 2 == 0 for size in kernel):
            raise ModelError(f"{name} (Conv2d) pads 'same' with an even kernel, more on one side: give its padding")
        padding = (0, 0) if part.padding == "valid" else (kernel[0] // 2, kernel[1] // 2)
    else:
        padding = _pair(part.padding)
    return Stage(name, weight, bias, stride, padding)


def _followed(stage: Stage, name: str, part: nn.Module) -> Stage:
    """A stage with a part more."""
    if isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d):
        if stage.clipped or stage.pools:
            raise ModelError(f"{name} ({_kind(part)}) must follow a Conv2d or Linear at once, to be folded into it")
        return _normalised(stage, name, part)
    if isinstance(part, nn.ReLU):
        return replace(stage, clipped=True)
    if isinstance(part, nn.MaxPool2d | nn.AvgPool2d):
        if not stage.is_convolution:
            raise ModelError(f"{name} ({_kind(part)}) follows a Linear, which has no rows and columns")
        average = isinstance(part, nn.AvgPool2d)
        if average and not stage.clipped:
            raise ModelError(f"{name} (AvgPool2d) stands before a ReLU: the mean of spikes can only come after it")
        return replace(stage, pools=(*stage.pools, _pool(name, part)))
    if isinstance(part, nn.Flatten):
        _check_flatten(name, part)
        return stage
    raise ModelError(f"{name} ({_kind(part)}) cannot be converted; what can: {_WHAT_IS_TAKEN}")


def _check_flatten(name: str, part: nn.Flatten) -> None:
    if (part.start_dim, part.end_dim) != (1, -1):
        raise ModelError(f"{name} (Flatten) must flatten from dimension 1 to the last")


def _normalised(stage: Stage, name: str, part: nn.BatchNorm1d | nn.BatchNorm2d) -> Stage:
    """A stage with the batch normalisation behind it in its weights and biases."""
    if part.running_mean is None or part.running_var is None:
        raise ModelError(f"{name} ({_kind(part)}) has no running statistics: train with track_running_stats=True")
    mean, variance = _array(part.running_mean), _array(part.running_var)
    if len(mean) != len(stage.bias):
        raise ModelError(f"{name} ({_kind(part)}) has {len(mean)} channels, and '{stage.name}' gives {len(stage.bias)}")
    if not (np.isfinite(mean).all() and np.isfinite(variance).all() and variance.min() >= 0):
        raise ModelError(f"{name} ({_kind(part)}) has means or variances that are no finite numbers, or below 0")
    gain = 1 / np.sqrt(variance + part.eps)
    offset = np.zeros_like(gain)
    if part.affine:
        gain, offset = gain * _array(part.weight), _array(part.bias)
    weight = stage.weight * gain.reshape(-1, *[1] * (stage.weight.ndim - 1))
    return replace(stage, weight=weight, bias=(stage.bias - mean) * gain + offset)


def _pool(name: str, part: nn.MaxPool2d | nn.AvgPool2d) -> Pool:
    size, stride = _pair(part.kernel_size), _pair(part.stride)
    plain = stride == size and _pair(part.padding) == (0, 0) and not part.ceil_mode
    if isinstance(part, nn.MaxPool2d):
        if not plain or _pair(part.dilation) != (1, 1):
            raise ModelError(f"{name} (MaxPool2d) must have windows side by side: stride=kernel_size, no padding")
        return Pool("max", size)
    if not plain or part.divisor_override is not None:
        raise ModelError(f"{name} (AvgPool2d) must have windows side by side: stride=kernel_size, no padding")
    return Pool("average", size)


def _parts(module: nn.Module) -> list[tuple[str, nn.Module]]:
    """The modules of a chain in order, by what a complaint calls them."""
    try:
        graph = fx.symbolic_trace(nn.Sequential(module) if isinstance(module, nn.Conv2d | nn.Linear) else module)
    except Exception as error:  # whatever the module's own code raises
        raise ModelError(f"{_kind(module)} cannot be traced ({short(error)}): give a torch.nn.Sequential") from error
    return list(_backwards(graph))[::-1]


_FUNCTIONS: dict[Any, str] = {
    functional.relu: "relu",
    torch.relu: "relu",
    torch.flatten: "flatten",
    torch.reshape: "reshape",
    functional.max_pool2d: "max_pool2d",
    torch.max_pool2d: "max_pool2d",
    functional.avg_pool2d: "avg_pool2d",
    functional.dropout: "dropout",
    functional.log_softmax: "log_softmax",
    torch.log_softmax: "log_softmax",
}


def _backwards(graph: fx.GraphModule) -> Iterator[tuple[str, nn.Module]]:
    """The modules, or what stands for functions, from the output to the input."""
    modules = dict(graph.named_modules())
    output = next(node for node in graph.graph.nodes if node.op == "output")
    node = output.args[0]
    while not (isinstance(node, fx.Node) and node.op == "placeholder"):
        if not isinstance(node, fx.Node):
            raise ModelError("the module must give one tensor, the outputs of its classes")
        if node.op == "call_module":
            yield str(node.target), modules[str(node.target)]
        else:
            yield node.name, _of_function(node)
        node = node.args[0] if node.args else node.kwargs.get("input")


def _of_function(node: fx.Node) -> nn.Module:
    """The module that does what a function in a graph does."""
    name = _FUNCTIONS.get(node.target) or (str(node.target) if node.op == "call_method" else "")
    given: tuple[Any, ...] = node.args[1:]
    named: dict[str, Any] = dict(node.kwargs)
    if name == "relu":
        return nn.ReLU()
    if name in ("flatten", "view", "reshape"):  # to what shape is seen when the module is run
        return nn.Flatten()
    if name == "contiguous":
        return nn.Identity()
    if name in ("max_pool2d", "avg_pool2d"):
        named = {key: value for key, value in named.items() if key not in ("input", "return_indices")}
        if any(map(_has_node, (*given, *named.values()))):
            raise ModelError(f"{node.name} ({name}) has windows that depend on the input: give their size as numbers")
        return (nn.MaxPool2d if name == "max_pool2d" else nn.AvgPool2d)(*given, **named)
    if name == "dropout":
        return nn.Dropout()
    if name == "log_softmax":
        return nn.LogSoftmax(dim=1)
    called = getattr(node.target, "__name__", str(node.target))
    if node.target in (operator.add, torch.add):
        called = "add, which joins two paths"
    raise ModelError(f"{node.name} ({called}) cannot be converted; what can: {_WHAT_IS_TAKEN}")


def _has_node(value: Any) -> bool:
    return any(isinstance(part, fx.Node) for part in (value if isinstance(value, tuple) else (value,)))


def short(error: Exception) -> str:
    """What another library says of an error, in a part of a line."""
    return " ".join(str(error).split())[:120]


def _pair(value: Any) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else (int(value[0]), int(value[1]))


def _array(tensor: torch.Tensor) -> Array:
    try:
        array: Array = tensor.detach().numpy()
    except ValueError as error:
        raise ModelError(f"the module has no numbers that can be read: {short(error)}") from error
    return array
