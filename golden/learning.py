"""Event-driven contrastive divergence: which synapses change, and when. Twin of ``gateware/learning.py``.

    dw(t) = g(t) (v(t) h(t)), g = +1 while data is clamped, -1 while the machine runs free, 0 between,

where v h stands for the coincidence of a visible and a hidden spike, so that over an image
dw = v_data h_data - v_model h_model (Neftci et al., Frontiers in Neuroscience 7, 2014). Here a spike of a row opens
STDP_WL for a while, one of a column sends STDP_BL later, and where the pulses overlap the synapse changes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from snnhw.srbm.machine import Machine

Mask = NDArray[np.bool_]


class Learning:
    """The traces of rows (ticks that STDP_WL stays) and the delays of columns (ticks until STDP_BL).

    ``tick`` says which columns are updated, each with the rows that are open to it; synapses between biases never are.
    """

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.trace = np.zeros(machine.rows, np.int64)
        self.delay = np.zeros(machine.columns, np.int64)

    def tick(self, rows: Mask, columns: Mask, gate: int) -> list[tuple[int, Mask]]:
        """One tick, in which ``rows`` and ``columns`` fired: the columns to update, ascending, with their open rows."""
        machine, window = self.machine, self.machine.window
        self.trace = np.where(rows, window.visible, np.maximum(self.trace - 1, 0))
        due = self.delay == 1
        self.delay = np.where(columns, window.hidden, np.maximum(self.delay - 1, 0))
        if gate == 0:
            return []
        open_rows = self.trace > 0
        units = open_rows & (np.arange(machine.rows) < machine.visible)
        return [(int(column), open_rows if column < machine.hidden else units) for column in np.flatnonzero(due)]
