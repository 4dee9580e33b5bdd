import random
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from gateware.differential import DifferentialArray, Mode
from golden.differential import DifferentialArray as GoldenArray
from snnhw.srbm.grid import Grid
from snnhw.srbm.machine import Machine, Synapse
from tests.gateware.harness import Run, Stall, Watch, simulate

SYNAPSES = [
    Synapse(bits=4, refresh_level=12),
    Synapse(bits=4, refresh_level=9, decay_shift=2, update="gradual"),
    Synapse(bits=4, refresh_level=15, update="abrupt"),
    Synapse(cell="3T1R", bits=4, refresh_level=1, refresh_rows=0, update="gradual"),
    Synapse(cell="3T1R", bits=4, refresh_level=1, refresh_rows=0, update="abrupt"),
]
LANES = [1, 2, 4, 16]


def toy(synapse: Synapse, pixels: int = 6, hidden: int = 5, biases: int = 2) -> Machine:
    few = min(synapse.refresh_rows, 3)
    return Machine(
        pixels=pixels,
        classes=2,
        labels_per_class=1,
        hidden=hidden,
        biases=biases,
        synapse=synapse.model_copy(update={"refresh_rows": few}),
    )


@dataclass
class Bench:
    """An array, and the requests made of it beside what golden says of them."""

    grid: Grid
    seed: int = 0

    def __post_init__(self):
        machine, self.requests, self.expected = self.grid.machine, [], []
        self.random = random.Random(self.seed)
        shape, synapse = (machine.rows, machine.columns), machine.synapse
        levels = np.random.default_rng(self.seed)
        top = synapse.levels.hi
        # Among them many at both ends, where levels saturate.
        gp = levels.choice([0, 1, top // 2, top - 1, top], shape)
        gm = levels.choice([0, 1, top // 2, top - 1, top], shape) if synapse.paired else None
        self.golden = GoldenArray(synapse, gp, gm)
        for row in range(machine.rows):
            for column in range(machine.columns):
                self.write(row, column)

    def request(self, mode: Any, row: int | None, column: int | None, word: int, **fields: Any) -> None:
        """A request of a row's or a column's word ``word``."""
        lanes, paired = self.grid.lanes, self.grid.machine.synapse.paired
        fixed = row if column is None else column
        words = (fixed // lanes, word) if column is None else (word, fixed // lanes)
        default = {"mask": 0, "up": 0, "step": 0, "levels": {"gp": 0} | ({"gm": 0} if paired else {})}
        tag = {"target": 0, "adds": 0, "first": 0, "last": 0, "blank": 0}
        places = {"by_column": int(column is not None), "row_word": words[0], "column_word": words[1]}
        self.requests.append({"mode": mode.value, **places, "offset": fixed % lanes, "tag": tag, **default, **fields})

    def write(self, row: int, column: int) -> None:
        gp, gm = (levels[row, column] for levels in self.golden.read())
        levels = {"gp": int(gp)} | ({"gm": int(gm)} if self.grid.machine.synapse.paired else {})
        word, lane = divmod(column, self.grid.lanes)
        self.request(Mode.WRITE, row, None, word, mask=1 << lane, levels=levels)
        self.expected.append(None)

    def lif(self, row: int, word: int) -> None:
        self.request(Mode.READ, row, None, word)
        self.expected.append(self._lanes(self.golden.lif([row]), word))

    def blif(self, column: int, word: int) -> None:
        self.request(Mode.READ, None, column, word)
        self.expected.append(self._lanes(self.golden.blif([column]), word))

    def stdp(self, column: int, word: int, mask: int, gate: int, step: int) -> None:
        rows = [row for row in self._units(word, self.grid.machine.rows) if mask >> row % self.grid.lanes & 1]
        mask = sum(1 << row % self.grid.lanes for row in rows)
        self.golden.stdp(column, rows, gate, step)
        self.request(Mode.STDP, None, column, word, mask=mask, up=int(gate > 0), step=step)
        self.expected.append(None)

    def refresh(self, row: int) -> None:
        self.golden.refresh(row)
        for word in range(self.grid.column_words):
            self.request(Mode.REFRESH, row, None, word, mask=(1 << self.grid.lanes) - 1)
            self.expected.append(None)

    def dump(self, row: int, column: int) -> None:
        word, lane = divmod(column, self.grid.lanes)
        self.request(Mode.READ, row, None, word, mask=1 << lane)
        gp, gm = (int(levels[row, column]) for levels in self.golden.read())
        self.expected.append({"gp": gp} | ({"gm": gm} if self.grid.machine.synapse.paired else {}))

    def whole(self) -> None:
        """Read every level."""
        for row in range(self.grid.machine.rows):
            for column in range(self.grid.machine.columns):
                self.dump(row, column)

    def any(self) -> None:
        """One request of any kind, in few blocks, so that many meet."""
        machine, lanes, draw = self.grid.machine, self.grid.lanes, self.random
        row, column = draw.randrange(min(machine.rows, 3)), draw.randrange(min(machine.columns, 3))
        kinds = ["lif", "blif", "stdp", "stdp", "write", *(["refresh"] if machine.synapse.paired else [])]
        kind = draw.choice(kinds)
        if kind == "lif":
            self.lif(row, column // lanes)
        elif kind == "blif":
            self.blif(column, row // lanes)
        elif kind == "stdp":
            step = draw.choice([0, 1, 3, machine.synapse.levels.hi])
            self.stdp(column, row // lanes, draw.getrandbits(lanes), draw.choice([1, -1]), step)
        elif kind == "write":
            self.write(row, column)
        else:
            self.refresh(row)

    def run(self, stall: Stall | None = None) -> Run:
        """Make the requests, and hold every reply against golden."""
        dut = DifferentialArray(self.grid)
        signals = {f"weight_{lane}": dut.weight[lane] for lane in range(self.grid.lanes)}
        signals |= {name: getattr(dut.levels, name) for name in dut.levels.shape().members}
        watch = Watch(dut.valid, signals)
        limit = 100 + 50 * len(self.requests)
        run = simulate(dut, {"requests": self.requests}, stall, watches={"replies": watch}, limit=limit)
        assert len(watch.samples) == len(self.expected)
        for number, (reply, expected) in enumerate(zip(watch.samples, self.expected, strict=True)):
            if isinstance(expected, dict):
                assert {name: reply[name] for name in expected} == expected, number
            elif expected is not None:
                assert [reply[f"weight_{lane}"] for lane in range(len(expected))] == expected, number
        return run

    def _units(self, word: int, count: int) -> range:
        return range(word * self.grid.lanes, min(count, (word + 1) * self.grid.lanes))

    def _lanes(self, values: np.ndarray, word: int) -> list[int]:
        return [int(values[unit]) for unit in self._units(word, len(values))]


@pytest.mark.slow
@pytest.mark.parametrize("lanes", LANES)
@pytest.mark.parametrize("synapse", SYNAPSES, ids=lambda s: f"{s.cell}-{s.update}-{s.decay_shift}")
def test_modes_follow_one_another_in_any_order(synapse: Synapse, lanes: int):
    bench = Bench(Grid(toy(synapse), lanes), seed=lanes)
    for _ in range(120):
        bench.any()
    bench.whole()
    bench.run()


def test_of_a_source_that_stalls():
    bench = Bench(Grid(toy(SYNAPSES[0]), 4))
    for _ in range(60):
        bench.any()
    bench.whole()
    bench.run(Stall(source=0.5))


@pytest.mark.slow
@pytest.mark.parametrize("lanes", [1, 4, 16])
@pytest.mark.parametrize(("pixels", "hidden", "biases"), [(1, 1, 0), (5, 2, 1), (3, 17, 2), (14, 3, 1)])
def test_rows_and_columns_at_the_edge_of_a_bank(pixels: int, hidden: int, biases: int, lanes: int):
    machine = toy(SYNAPSES[0], pixels, hidden, biases).model_copy(
        update={"synapse": SYNAPSES[0].model_copy(update={"refresh_rows": 1})}
    )
    bench = Bench(Grid(machine, lanes), seed=1)
    for row in (0, machine.rows - 1):
        bench.refresh(row)
        for word in range(bench.grid.column_words):
            bench.lif(row, word)
    for column in (0, machine.columns - 1):
        for word in range(bench.grid.row_words):
            bench.stdp(column, word, -1, 1, 2)
            bench.blif(column, word)
    bench.whole()
    bench.run()


@pytest.mark.parametrize("gate", [1, -1])
def test_levels_saturate_at_both_ends(gate: int):
    bench = Bench(Grid(toy(SYNAPSES[1]), 2))
    for _ in range(3):
        bench.stdp(1, 0, 0b11, gate, 7)
    bench.dump(0, 1)
    bench.dump(1, 1)
    bench.run()
    assert bench.expected[-1] == ({"gp": 15, "gm": 0} if gate > 0 else {"gp": 0, "gm": 15})


def test_requests_of_other_synapses_do_not_wait():
    bench = Bench(Grid(toy(SYNAPSES[0]), 2))
    begin = len(bench.requests)
    for column in range(7):
        bench.stdp(column, 0, 0b11, 1, 1)
    for word in range(3):
        bench.blif(6, word + 1)
    taken = bench.run().taken("requests")[begin:]
    assert taken[-1] - taken[0] == len(taken) - 1


def test_a_request_waits_for_the_synapse_it_wants():
    bench = Bench(Grid(toy(SYNAPSES[0]), 2))
    begin = len(bench.requests)
    bench.stdp(1, 0, 0b11, 1, 1)
    bench.stdp(1, 0, 0b11, 1, 1)
    bench.lif(0, 0)
    for word in (1, 2, 3):
        bench.lif(0, word)
    taken = bench.run().taken("requests")[begin:]
    assert taken[-1] - taken[0] == len(taken) - 1 + 2 * 3


@pytest.mark.parametrize("lanes", [0, 3, 64])
def test_lanes_that_do_not_fit_the_banks_are_refused(lanes: int):
    with pytest.raises(ValueError, match=f"power of two of at most 32, not {lanes}"):
        Grid(Machine(), lanes)
