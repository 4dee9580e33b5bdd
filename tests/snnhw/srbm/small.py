"""A small spiking RBM, its model and images for it."""

from __future__ import annotations

from typing import Any

import numpy as np

from snnhw.srbm.machine import Machine
from snnhw.srbm.model import SrbmModel, initial_levels

SMALL: dict[str, Any] = {
    "pixels": 36,
    "classes": 3,
    "labels_per_class": 2,
    "biases": 2,
    "hidden": 12,
    "phases": {"settle": 4, "data": 20, "transition": 4, "model": 20},
    "inference_ticks": 40,
}


def small_machine(**changes: Any) -> Machine:
    return Machine.model_validate({**SMALL, **changes})


def small_model(**changes: Any) -> SrbmModel:
    machine = small_machine()
    gp, gm = initial_levels(machine, 200, 3)
    return SrbmModel(machine, **{"gp": gp, "gm": gm, "walk": 77, "refresh": 5, "provenance": {"seed": 3}, **changes})


def bars(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Images of 6 x 6 of two rows each, which tell the class, and some noise."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, count)
    images = rng.random((count, 6, 6)) < 0.05
    for image, label in zip(images, labels, strict=True):
        image[2 * label : 2 * label + 2] = True
    return (images * 255).astype(np.uint8), labels
