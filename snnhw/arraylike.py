"""What users call an array: NumPy's, torch's wherever they lie, nested lists. torch itself is not imported."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from snnhw.errors import ModelError
from snnhw.kinds import plain
from snnhw.wording import quoted

__all__ = ["to_array"]


def to_array(value: Any, what: str) -> NDArray[Any]:
    """The numbers of an array, of a torch tensor or of nested lists, as an array of integers or floats.

    Tensors may want gradients, lie on a device, be sparse, or be floats of a kind that NumPy has not, such as bfloat16
    and float8, which become float32. Raises ModelError for what holds no numbers, or those of a quantised tensor.
    """
    if getattr(value, "is_meta", False):
        raise ModelError(f"{what} is on the meta device and holds no numbers: load the weights first")
    if getattr(value, "is_quantized", False):
        raise ModelError(f"{what} is quantised: give the integers of its .int_repr(), or the floats of .dequantize()")
    try:
        array = np.asarray(_on_cpu(value) if hasattr(value, "detach") else value)
    except (AttributeError, RuntimeError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split())[:_LONGEST]
        raise ModelError(f"{what} is no array of numbers ({reason})") from error
    if array.dtype.kind not in "biuf":
        kind = type(value).__name__ if array.ndim == 0 else str(array.dtype)
        such = f" such as {quoted(plain(array.flat[0]))}" if array.size else ""
        raise ModelError(f"{what} must be integers or floats, not {kind}{such}")
    return array


_LONGEST = 200
"""Number of characters of a library's message that are quoted."""


def _on_cpu(tensor: Any) -> Any:
    """A torch tensor as an array."""
    tensor = tensor.detach()
    if "strided" not in str(getattr(tensor, "layout", "strided")):
        tensor = tensor.to_dense()
    tensor = tensor.cpu()
    try:
        return tensor.numpy()
    except TypeError:  # a kind of float that NumPy has not
        return tensor.float().numpy()
