"""Golden's traces as a file: every number of every step, for other programs to read."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from golden.network import Result
from snnhw.errors import OutputError
from snnhw.files import replacing
from snnhw.wording import quoted

__all__ = ["save_traces", "trace_arrays"]


def trace_arrays(result: Result) -> dict[str, NDArray[Any]]:
    """The arrays of a result of B samples that holds traces, by name.

    ``classes`` [B], ``scores`` [B, classes], ``encoder.value`` [steps, B, inputs], and for each layer
    ``LAYER.integrated``, ``LAYER.spike``, ``LAYER.value`` and every field of its state, such as ``LAYER.membrane``,
    [steps, B, units]; of one without neurons there is neither ``integrated`` nor ``spike``. Raises ValueError for a
    result without traces.
    """
    if result.encoded is None:
        raise ValueError("the result holds no traces: run golden with traces=True")
    arrays: dict[str, NDArray[Any]] = {"classes": result.classes, "scores": result.scores}
    arrays["encoder.value"] = result.encoded
    for layer, trace in result.traces.items():
        for name in ("integrated", "spike", "value"):
            if (values := getattr(trace, name)) is not None:
                arrays[f"{layer}.{name}"] = values
        for name, values in trace.state.items():
            arrays[f"{layer}.{name}"] = values
    return arrays


def save_traces(result: Result, path: str | os.PathLike[str]) -> Path:
    """Write :func:`trace_arrays` as a compressed .npz, all or nothing, and return the path.

    Raises OutputError where it cannot be written.
    """
    target = Path(path)
    if target.suffix != ".npz":
        raise OutputError(f"the name of a file of traces must end with .npz, not {quoted(target.name)}")
    arrays = trace_arrays(result)
    with replacing(target) as temporary:
        np.savez_compressed(temporary, **arrays)  # type: ignore[arg-type]
    return target
