"""The noise of the units: a random walk of the membrane. Twin of ``gateware/randomwalk.py``.

A stochastic unit follows C du/dt = -gL u + I(t) + sigma xi(t) (Neftci et al., Frontiers in Neuroscience 7, 2014). Here
sigma xi comes from random bits, each of which moves a charge onto the membrane or away from it, as the random walk
circuit of the 6T2R chip does (Ishii et al., IEDM 2019, 14.2). All units share one register, and every unit draws at
every tick, whether it uses the draw or not: a draw's place in the register's sequence then depends on neither.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from golden.lfsr import Leap
from snnhw.srbm.machine import Noise

Array = NDArray[np.int64]


class RandomWalk:
    """The draws of ``units`` units, in order, each of ``noise.bits`` bits of the register."""

    def __init__(self, noise: Noise, units: int) -> None:
        self.noise = noise
        self.leap = Leap(noise.bits, units)

    def draw(self, state: int) -> tuple[int, Array]:
        """One tick: the register after it, and the noise of each unit [units].

        For each unit the register advances by ``noise.bits``, and its lowest ``noise.bits`` are the unit's draw.
        """
        states = self.leap.states(state)
        draws = states & np.uint32((1 << self.noise.bits) - 1)
        return int(states[-1]), noise_of(self.noise, draws.astype(np.int64))


def noise_of(noise: Noise, draws: Array) -> Array:
    """What each draw adds to the membrane, see :class:`snnhw.srbm.machine.RandomWalk` and ``RandomSampling``."""
    if noise.kind == "walk":
        ones = np.bitwise_count(draws).astype(np.int64)
        return (2 * ones - noise.draws) * noise.step
    rises, falls = draws < noise.up, draws >= 256 - noise.down
    return (rises.astype(np.int64) - falls) * noise.step
