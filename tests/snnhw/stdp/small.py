"""A small learner by STDP, its model, and a preset for the images of `tests.snnhw.srbm.small.bars`."""

from __future__ import annotations

from typing import Any

import numpy as np

from golden.stdp import Stdp
from snnhw.stdp.learner import Learner
from snnhw.stdp.model import StdpModel
from snnhw.stdp.presets import StdpPreset, blocks_of

SMALL: dict[str, Any] = {"pixels": 36, "classes": 3, "threshold": 100, "spikes": 4}


def small_learner(**changes: Any) -> Learner:
    return Learner.usual(9, 4, **{**SMALL, **changes})


def small_model(**changes: Any) -> StdpModel:
    rng = np.random.default_rng(3)
    begun = Stdp(small_learner(), readout=rng.integers(-2048, 2048, (9, 3)), assigned=np.arange(9) % 3)
    begun.register = 77
    made = StdpModel.of(begun, {"seed": 3})
    arrays = ("learner", "weight", "threshold", "readout", "assigned", "register", "provenance")
    return StdpModel(**{**{name: getattr(made, name) for name in arrays}, **changes})


def small_preset() -> StdpPreset:
    return StdpPreset("bars", "", small_learner(), "bars", blocks_of((64, 16), 200), blocks_of((4, 2), 50), (2, 1))
