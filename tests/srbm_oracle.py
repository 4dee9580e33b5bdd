"""What a spiking RBM computes, spelled out: one unit and one synapse at a time, in Python's integers.

Nothing here shares code or layout with golden or gateware: it is a third reading of ``docs/srbm.md``, in its order and
made to be checked by eye. It is slow, and knows no overflow.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from snnhw.srbm.machine import Machine

LFSR_MASK = 0x80000057


@dataclass
class Unit:
    """A visible or hidden unit."""

    membrane: int = 0
    refractory: int = 0
    current: int = 0
    spikes: int = 0


class Oracle:
    """A machine with its levels ``gp``, ``gm`` (lists of rows), its register and its refresh pointer."""

    def __init__(self, machine: Machine, gp: list[list[int]], gm: list[list[int]]) -> None:
        self.machine = machine
        self.gp, self.gm = [list(row) for row in gp], [list(row) for row in gm]
        self.walk, self.refresh = machine.seed, 0

    def train(self, bits: list[int], label: int, step: int, hold: bool = False) -> list[Any]:
        """An image; returns each tick's rows, columns, visible and hidden membranes."""
        machine, p = self.machine, self.machine.phases
        labels = [int(index // machine.labels_per_class == label) for index in range(machine.labels)]
        on, ticks = bits + labels, []
        self._start(self.walk)
        for t in range(p.settle + p.data + p.transition + p.model):
            gate = 1 if p.settle <= t < p.settle + p.data else -1 if t >= p.settle + p.data + p.transition else 0
            running_free = t >= p.settle + p.data
            clamped = [not running_free or (hold and index < machine.pixels) for index in range(machine.visible)]
            ticks.append(self._tick(t, on, clamped, gate, step))
        self.walk = self.register
        for _ in range(machine.synapse.refresh_rows):
            self._refresh_row(self.refresh)
            self.refresh = 0 if self.refresh == machine.rows - 1 else self.refresh + 1
        return ticks

    def regenerate(self, bits: list[int], known: list[int]) -> tuple[int, list[int], list[int], list[Any]]:
        """Class, scores, image and ticks; with every pixel known an inference."""
        machine = self.machine
        self._start(machine.seed)
        clamped = [bool(k) for k in known] + [False] * machine.labels
        on = bits + [0] * machine.labels
        ticks = [self._tick(t, on, clamped, 0, 0) for t in range(machine.inference_ticks)]
        counts = [unit.spikes for unit in self.visible]
        per_class = machine.labels_per_class
        scores = [sum(counts[machine.pixels + c * per_class :][:per_class]) for c in range(machine.classes)]
        half = machine.inference_ticks / (machine.neuron.refractory + 1) / 2
        image = [bits[i] if known[i] else int(counts[i] > half) for i in range(machine.pixels)]
        return scores.index(max(scores)), scores, image, ticks

    def _start(self, register: int) -> None:
        machine, periods = self.machine, self.machine.periods
        self.register = register
        self.visible = [Unit() for _ in range(machine.visible)]
        self.hidden = [Unit() for _ in range(machine.hidden)]
        self.last_spike: list[int | None] = [None] * machine.rows
        self.sent: list[int | None] = [None] * machine.columns
        lengths = [periods.pixel] * machine.pixels + [periods.label] * machine.labels
        self.periods = lengths + [periods.bias] * (2 * machine.biases)
        self.phases = []
        for period in self.periods:
            self._advance(8)
            self.phases.append((self.register % 256) * period // 256)

    def _advance(self, times: int) -> None:
        for _ in range(times):
            odd = self.register % 2
            self.register //= 2
            if odd:
                self.register ^= LFSR_MASK

    def _noise(self) -> int:
        noise = self.machine.noise
        if noise.kind == "walk":
            self._advance(noise.draws)
            walked = 0
            for bit in range(noise.draws):
                walked += noise.step if self.register >> bit & 1 else -noise.step
            return walked
        self._advance(8)
        byte = self.register % 256
        return noise.step if byte < noise.up else -noise.step if byte >= 256 - noise.down else 0

    def _free(self, unit: Unit, noise: int) -> bool:
        neuron = self.machine.neuron
        if unit.refractory > 0:
            unit.refractory -= 1
            unit.membrane = 0
            return False
        unit.membrane += unit.current + noise - unit.membrane // 2**neuron.leak_shift
        unit.membrane = max(unit.membrane, -(2 ** (neuron.membrane_bits - 1)))
        if unit.membrane < neuron.threshold:
            return False
        unit.membrane, unit.refractory = 0, neuron.refractory
        return True

    def _tick(self, t: int, on: list[int], clamped: list[bool], gate: int, step: int) -> Any:
        machine = self.machine
        rows, columns = [], []
        for index, unit in enumerate(self.visible):
            noise = self._noise()
            if clamped[index]:
                unit.membrane = unit.refractory = 0
                fires = bool(on[index]) and t % self.periods[index] == self.phases[index]
            else:
                fires = self._free(unit, noise)
            unit.spikes += fires
            rows.append(fires)
        for unit in self.hidden:
            columns.append(self._free(unit, self._noise()))
        for bias in range(machine.biases):
            row, column = machine.visible + bias, machine.rows + bias
            rows.append(t % self.periods[row] == self.phases[row])
            columns.append(t % self.periods[column] == self.phases[column])
        for h, unit in enumerate(self.hidden):
            unit.current = sum(self.gp[v][h] - self.gm[v][h] for v in range(machine.rows) if rows[v])
        for v, unit in enumerate(self.visible):
            unit.current = sum(self.gp[v][h] - self.gm[v][h] for h in range(machine.columns) if columns[h])
        self._learn(t, rows, columns, gate, step)
        return rows, columns, [unit.membrane for unit in self.visible], [unit.membrane for unit in self.hidden]

    def _learn(self, t: int, rows: list[bool], columns: list[bool], gate: int, step: int) -> None:
        machine, window = self.machine, self.machine.window
        for v in range(machine.rows):
            if rows[v]:
                self.last_spike[v] = t
        for h in range(machine.columns):
            sent = self.sent[h]
            if sent is not None and t == sent + window.hidden and gate != 0:
                for v, last in enumerate(self.last_spike):
                    bias_to_bias = v >= machine.visible and h >= machine.hidden
                    if last is not None and t - last < window.visible and not bias_to_bias:
                        self._update(v, h, gate, step)
            if columns[h]:
                self.sent[h] = t

    def _update(self, v: int, h: int, gate: int, step: int) -> None:
        synapse = self.machine.synapse
        top = 2**synapse.bits - 1
        gp, gm = self.gp[v][h], self.gm[v][h]
        after_reset = {"set": lambda g: g, "gradual": lambda g: max(g - step, 0), "abrupt": lambda g: 0}[synapse.update]
        if gate > 0:
            self.gp[v][h] = min(gp + step, top)
            self.gm[v][h] = after_reset(gm) if synapse.cell == "6T2R" else gm
        else:
            self.gp[v][h] = after_reset(gp)
            self.gm[v][h] = min(gm + step, top) if synapse.cell == "6T2R" else gm

    def _refresh_row(self, v: int) -> None:
        synapse = self.machine.synapse
        for h in range(self.machine.columns):
            gp, gm = self.gp[v][h], self.gm[v][h]
            if synapse.decay_shift or gp >= synapse.refresh_level or gm >= synapse.refresh_level:
                size, positive = abs(gp - gm), gp >= gm
                if synapse.decay_shift:
                    size -= size // 2**synapse.decay_shift
                self.gp[v][h], self.gm[v][h] = (size, 0) if positive else (0, size)
