"""The random register: a 32-bit Galois LFSR, one shift or many at once. Twin of ``gateware/lfsr.py``."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

LFSR_MASK = 0x80000057
"""Feedback of the register, shifted right: it goes through all 2^32 - 1 states that are not 0."""

BITS = 32


def lfsr_advance(state: int, times: int = 8) -> int:
    """The state of the register after ``times`` shifts to the right."""
    for _ in range(times):
        state = (state >> 1) ^ (LFSR_MASK if state & 1 else 0)
    return state


class Leap:
    """The register's states at ``count`` positions, ``stride`` shifts from one to the next, all at once.

    A shift is linear over GF(2): the state at a position is the XOR of what the set bits of the first state have
    become there, each followed once, here.
    """

    def __init__(self, stride: int, count: int) -> None:
        became = np.empty((BITS, count), np.uint32)
        state = np.uint32(1) << np.arange(BITS, dtype=np.uint32)
        for position in range(count):
            for _ in range(stride):
                state = (state >> np.uint32(1)) ^ (state & np.uint32(1)) * np.uint32(LFSR_MASK)
            became[:, position] = state
        self.became = became

    def states(self, state: int) -> NDArray[np.uint32]:
        """[count]: position n is ``lfsr_advance(state, stride * (n + 1))``."""
        bits = [bit for bit in range(BITS) if state >> bit & 1]
        states: NDArray[Any] = np.bitwise_xor.reduce(self.became[bits], axis=0)
        return states
