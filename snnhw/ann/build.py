"""An artificial network as a module of torch: built from its description, run on images, and read back."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from snnhw.ann.model import AnnModel
from snnhw.ann.network import Ann, BatchNorm, Convolution, Flatten, Linear, MaxPool, Part
from snnhw.data import Dataset
from snnhw.errors import DatasetError
from snnhw.integers import Shape

__all__ = ["classes_of", "images_of", "module_of", "pixels", "tensors_of", "trained_module"]

_COUNTER = "num_batches_tracked"
"""What batch normalisation counts, and nothing reads."""
_TOGETHER = 1000
"""Images computed together."""


def module_of(ann: Ann) -> nn.Sequential:
    """The module, with torch's initial weights."""
    return nn.Sequential(*(_module(part, shape) for part, shape in zip(ann.parts, ann.shapes, strict=False)))


def _module(part: Part, shape: Shape) -> nn.Module:
    """The module of a part whose input has this shape."""
    if isinstance(part, Convolution):
        return nn.Conv2d(shape[0], part.channels, part.kernel, padding=(part.padding[0], part.padding[1]))
    if isinstance(part, Linear):
        return nn.Linear(shape[0], part.units)
    if isinstance(part, BatchNorm):
        return nn.BatchNorm2d(shape[0]) if len(shape) == 3 else nn.BatchNorm1d(shape[0])
    if isinstance(part, MaxPool):
        return nn.MaxPool2d(part.size)
    return nn.Flatten() if isinstance(part, Flatten) else nn.ReLU()


def tensors_of(module: nn.Module) -> dict[str, NDArray[np.float32]]:
    """The module's weights, biases and statistics by their names in torch."""
    kept = {name: tensor for name, tensor in module.state_dict().items() if not name.endswith(_COUNTER)}
    return {name: tensor.detach().cpu().float().numpy().copy() for name, tensor in kept.items()}


def trained_module(model: AnnModel) -> nn.Sequential:
    """The module with a model's weights and statistics, in evaluation mode."""
    module = module_of(model.ann)
    module.load_state_dict(
        {name: torch.from_numpy(array.copy()) for name, array in model.tensors.items()}, strict=False
    )
    return module.eval()


def images_of(ann: Ann, dataset: Dataset) -> NDArray[np.uint8]:
    """The images [B, channels, height, width] of a dataset; raises DatasetError where they do not suit the network."""
    shape = ann.shapes[0]
    found = dataset.images.shape[1:]
    if found != shape and not (shape[0] == 1 and found == shape[1:]):
        raise DatasetError(f"{dataset.name} has samples of shape {list(found)}, and the network takes {list(shape)}")
    return dataset.images.reshape(-1, *shape)


def pixels(images: Tensor) -> Tensor:
    """Images uint8 as a network takes them: white is 1."""
    return images.float() / 255


@torch.no_grad()
def classes_of(module: nn.Module, images: NDArray[np.uint8]) -> NDArray[np.int64]:
    """The classes [B] that a module finds in images [B, channels, height, width], the first of the greatest outputs."""
    chunks = torch.split(torch.from_numpy(images.copy()), _TOGETHER)
    found: NDArray[np.int64] = torch.cat([module(pixels(chunk)).argmax(dim=1) for chunk in chunks]).numpy()
    return found
