"""The random register: a 32-bit Galois LFSR, many shifts as one layer of XORs. Twin of ``golden/lfsr.py``."""

from amaranth.hdl import Cat, Signal

LFSR_MASK = 0x80000057
"""Feedback of the register, shifted right: it goes through all 2^32 - 1 states that are not 0."""


def lfsr_advance(m, state, times, name):
    """The register after ``times`` shifts to the right, as one layer of XORs: the map is linear over GF(2)."""
    columns = []
    for bit in range(32):
        column = 1 << bit
        for _ in range(times):
            column = (column >> 1) ^ (LFSR_MASK if column & 1 else 0)
        columns.append(column)
    result = Signal(32, name=name)
    for bit in range(32):
        m.d.comb += result[bit].eq(Cat(state[i] for i in range(32) if columns[i] >> bit & 1).xor())
    return result
