"""What a learner by STDP computes, spelled out: one neuron and one synapse at a time, in Python's integers.

Nothing here shares code or layout with golden or gateware: it is a third reading of ``docs/stdp.md``, in its order and
made to be checked by eye. It is slow, and knows no overflow.
"""

from __future__ import annotations

from snnhw.stdp.learner import Learner

LFSR_MASK = 0x80000057
MOST_THRESHOLD = (1 << 24) - 1


class Oracle:
    """A learner with its weights, a list of the synapses of each pixel, its thresholds, readout, classes, register."""

    def __init__(self, learner: Learner, assigned: list[int] | None = None) -> None:
        self.learner, self.register = learner, learner.seed
        self.top = 2**learner.weight_bits - 1
        low, high = 3 * self.top // 10, 6 * self.top // 10
        self.weight = [
            [low + ((self._draw() * (high - low + 1)) >> 8) for _ in range(learner.neurons)]
            for _ in range(learner.pixels)
        ]
        self.threshold = [64 * learner.threshold] * learner.neurons
        self.readout = [[0] * learner.classes for _ in range(learner.neurons)]
        self.assigned = [0] * learner.neurons if assigned is None else assigned

    def train(self, image: list[int], amplitude: int) -> tuple[int, int] | None:
        """The winner and its step."""
        won = self._compete(image)
        if won is None:
            return None
        winner, tp, _ = won
        fall = self.learner.fall
        for i in range(self.learner.neurons):
            self.threshold[i] = max(0, self.threshold[i] - fall)
        self.threshold[winner] = min(MOST_THRESHOLD, self.threshold[winner] + self.learner.neurons * fall)
        self._learn(winner, tp, image, amplitude, reverse=False)
        return winner, tp

    def teach(self, image: list[int], label: int, amplitude: int) -> tuple[int, int] | None:
        """The winner and its step; the best of the class learns, a winner of another class unlearns."""
        won = self._compete(image)
        if won is None:
            return None
        winner, tp, d = won
        right = None
        for i in range(self.learner.neurons):
            if self.assigned[i] == label and (right is None or d[i] > d[right]):
                right = i
        if right is not None:
            self._learn(right, tp, image, amplitude, reverse=False)
            if right != winner:
                self.threshold[right] = max(0, self.threshold[right] - self.learner.nudge)
        if self.assigned[winner] != label:
            self._learn(winner, tp, image, amplitude, reverse=True)
            self.threshold[winner] = min(MOST_THRESHOLD, self.threshold[winner] + self.learner.nudge)
        return winner, tp

    def infer(self, image: list[int]) -> list[tuple[int, int]]:
        """The first K spikes: neuron and step."""
        m, spikes = [0] * self.learner.neurons, list[tuple[int, int]]()
        for t in range(self.learner.num_steps):
            d = self._integrate(m, image, t)
            last = self.learner.forced and t == self.learner.num_steps - 1
            silent = [i for i in range(self.learner.neurons) if i not in [neuron for neuron, _ in spikes]]
            for i in sorted(silent, key=lambda i: (-d[i], i)):
                if (d[i] >= 0 or last) and len(spikes) < self.learner.spikes:
                    spikes.append((i, t))
        return spikes

    def score(self, spikes: list[tuple[int, int]]) -> tuple[int, list[int]]:
        """The readout's class, and its scores."""
        o, current = [0] * self.learner.classes, [0] * self.learner.classes
        for j in range(self.learner.spikes):
            for c in range(self.learner.classes):
                if j < len(spikes):
                    current[c] += self.readout[spikes[j][0]][c]
                o[c] += current[c]
        return o.index(max(o)), o

    def train_readout(self, image: list[int], label: int, rate: int) -> tuple[int, list[int]]:
        """The class and the scores before the readout learned."""
        spikes, k = self.infer(image), self.learner.spikes
        answer, o = self.score(spikes)
        wrong = [c for c in range(self.learner.classes) if c != label]
        if wrong:
            rival = max(wrong, key=lambda c: (o[c], -c))
            if o[label] - o[rival] <= self.learner.margin * k * k:
                for j, (i, _) in enumerate(spikes):
                    self._turn(i, label, rate * (k - j))
                    self._turn(i, rival, -rate * (k - j))
        return answer, o

    def _turn(self, i: int, c: int, change: int) -> None:
        half = 2 ** (self.learner.readout_bits - 1)
        self.readout[i][c] = max(-half, min(half - 1, self.readout[i][c] + change))

    def _fires_at(self, pixel: int) -> int | None:
        return None if pixel == 0 else (255 - pixel) * self.learner.num_steps // 256

    def _integrate(self, m: list[int], image: list[int], t: int) -> list[int]:
        """Membranes go on by a step; what each exceeds its threshold by."""
        rows = [self.weight[p] for p in range(self.learner.pixels) if self._fires_at(image[p]) == t]
        for i in range(self.learner.neurons):
            m[i] = max(0, m[i] + sum(row[i] for row in rows) - self.learner.leakage)
        return [m[i] - self.threshold[i] // 64 for i in range(self.learner.neurons)]

    def _compete(self, image: list[int]) -> tuple[int, int, list[int]] | None:
        m = [0] * self.learner.neurons
        for t in range(self.learner.num_steps):
            d = self._integrate(m, image, t)
            winner = d.index(max(d))
            if d[winner] >= 0 or (self.learner.forced and t == self.learner.num_steps - 1):
                return winner, t, d
        return None

    def _learn(self, i: int, tp: int, image: list[int], amplitude: int, reverse: bool) -> None:
        window = self.learner.window
        for p in range(self.learner.pixels):
            r, w, at = self._draw(), self.weight[p][i], self._fires_at(image[p])
            up = at is not None and at <= tp
            if at is None:
                strength = window.silent * amplitude
            elif at <= tp:
                strength = self._window(window.a_plus * amplitude, tp - at, window.tau_plus)
            else:
                strength = self._window(window.a_minus * amplitude, at - tp, window.tau_minus)
            if reverse:
                up, strength = not up, strength // 2
            room = self.top if self.learner.bounds == "hard" else self.top - w if up else w
            change = (strength * room + r) // 256
            self.weight[p][i] = min(self.top, w + change) if up else max(0, w - change)

    def _window(self, whole: int, distance: int, tau: int) -> int:
        if self.learner.window.shape == "rectangular":
            return whole if distance < tau else 0
        return int(whole // 2 ** (distance // tau))

    def _draw(self) -> int:
        """A byte of the register after eight steps of it."""
        for _ in range(8):
            self.register = (self.register >> 1) ^ (LFSR_MASK if self.register & 1 else 0)
        return self.register & 0xFF
