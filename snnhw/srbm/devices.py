"""Devices that are not as they should be: an experiment of the golden machine alone.

The machine learns an image with perfect devices; what that would have changed is then written into imperfect ones:
every device has a gain of its own, every write adds noise, some devices do not change at all. Effects are therefore by
the image, not by the pulse. Drift comes after training. Refresh is done here, since it is a write like others.

Pulses are counted: a SET pulse for every step of levels up, a RESET pulse for every device that is brought down.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from snnhw.srbm.machine import Machine

__all__ = ["Devices", "Imperfections"]

Levels = NDArray[np.int32]
"""Gp and Gm, [2, rows, columns]."""


@dataclass(frozen=True)
class Imperfections:
    """What is wrong with devices.

    ``write_noise`` is the deviation of one SET pulse in steps; ``variability`` that of the devices' gains, which are 1
    in the mean; ``stuck`` the part of devices that keep ``stuck_level`` for ever. ``drift`` is the exponent of the
    conductance's fall with time, its deviation between devices ``drift_spread``, and ``decades`` the decades of time
    between training and inference.
    """

    write_noise: float = 0.0
    variability: float = 0.0
    stuck: float = 0.0
    stuck_level: int = 0
    drift: float = 0.0
    drift_spread: float = 0.0
    decades: float = 0.0

    def __post_init__(self) -> None:
        if min(self.write_noise, self.variability, self.stuck, self.drift, self.drift_spread, self.decades) < 0:
            raise ValueError("an imperfection is 0 or more")
        if self.stuck > 1:
            raise ValueError(f"stuck is a part of all devices, at most 1, not {self.stuck}")


class Devices:
    """The devices of a 6T2R array that is updated by SET alone; ``set_pulses`` and ``reset_pulses`` count what is sent.

    ``seed`` draws the devices as well as every write.
    """

    def __init__(self, machine: Machine, imperfections: Imperfections, seed: int) -> None:
        synapse = machine.synapse
        if not synapse.paired or synapse.update != "set":
            raise ValueError(f"devices are those of 6T2R cells updated by SET, not of {synapse.cell}, {synapse.update}")
        self.machine, self.imperfections = machine, imperfections
        self.set_pulses, self.reset_pulses = 0, 0
        self._generator = np.random.default_rng(seed)
        shape = (2, machine.rows, machine.columns)
        deviation = imperfections.variability * self._generator.standard_normal(shape, np.float32)
        self._gain = np.maximum(1 + deviation, 0).reshape(-1)
        self._stuck = np.flatnonzero(self._generator.random(shape, np.float32) < imperfections.stuck)
        self._refresh = 0

    def begin(self, levels: Levels) -> Levels:
        """The initial levels, with stuck devices where they are stuck."""
        return self._hold(np.array(levels, np.int32))

    def write(self, before: Levels, after: Levels, step: int) -> Levels:
        """The levels after an image that would have changed ``before`` to ``after``, and after the refresh of rows."""
        wrong, levels = self.imperfections, after.copy()
        old = before.reshape(-1)
        rises = after.reshape(-1) - old
        changed = np.flatnonzero(rises)
        rise = rises[changed]
        pulses = -(-rise // max(step, 1))
        self.set_pulses += int(pulses.sum())
        if wrong.write_noise or wrong.variability:
            real = rise * self._gain[changed]
            if wrong.write_noise:
                deviation = wrong.write_noise * step * np.sqrt(pulses, dtype=np.float32)
                real += deviation * self._generator.standard_normal(len(rise), np.float32)
            written = old[changed] + self._whole(real)
            levels.reshape(-1)[changed] = np.clip(written, 0, self.machine.synapse.levels.hi)
        self._refresh_rows(levels, step)
        return self._hold(levels)

    def aged(self, levels: Levels) -> Levels:
        """The levels after ``decades`` decades of drift."""
        wrong = self.imperfections
        exponent = wrong.drift + wrong.drift_spread * self._generator.standard_normal(levels.shape)
        left = 10.0 ** (-np.maximum(exponent, 0) * wrong.decades)
        return self._hold(np.rint(levels * left).astype(np.int32))

    def _refresh_rows(self, levels: Levels, step: int) -> None:
        """Write the next rows of the rotation anew where a level is too high: RESET of both devices, SET of one."""
        synapse = self.machine.synapse
        rows = (self._refresh + np.arange(synapse.refresh_rows)) % self.machine.rows
        self._refresh = int((self._refresh + synapse.refresh_rows) % self.machine.rows)
        part = levels[:, rows]
        high = (part >= synapse.refresh_level).any(axis=0)
        weight = (part[0] - part[1])[high]
        self.reset_pulses += 2 * int(high.sum())
        self.set_pulses += int((-(-np.abs(weight) // max(step, 1))).sum())
        part[0][high], part[1][high] = np.maximum(weight, 0), np.maximum(-weight, 0)
        levels[:, rows] = part

    def _hold(self, levels: Levels) -> Levels:
        """The same, with stuck devices at their level."""
        levels.reshape(-1)[self._stuck] = self.imperfections.stuck_level
        return levels

    def _whole(self, values: NDArray[np.float32]) -> Levels:
        """Values as whole levels, up or down by chance so that their mean stays."""
        return np.asarray(np.floor(values + self._generator.random(len(values), np.float32)), np.int32)
