"""Place the circuit of a spiking RBM or a learner by STDP on a part; print what it takes there and its fastest clock.

``python tools/fit_circuit.py srbm --pixels 196 --hidden 64 --lanes 8 --part lfe5u-25f``, or ``stdp --neurons 100
--weight-bits 4 ...``; minutes. What is printed is one JSON object; the cells after synthesis go to standard error
before they are placed. Needs the extra ``fpga``.
"""

from __future__ import annotations

import argparse
import json
import sys

import gateware.srbm
import gateware.stdp
import snnhw.srbm.verilog
import snnhw.stdp.verilog
from snnhw.emission import EmittedCommandCircuit
from snnhw.errors import SnnhwError
from snnhw.fpga.harnessed import place_harnessed
from snnhw.fpga.parts import Cells, find_part
from snnhw.srbm.machine import Machine
from snnhw.stdp.grid import WeightMemory
from snnhw.stdp.learner import Learner


def main() -> int:
    """Do what the command line asks for; the exit status."""
    asked = parser().parse_args()
    try:
        emitted, parts = circuit(asked)
        part = find_part(asked.part)
        found = place_harnessed(
            emitted, parts, part, clock_mhz=asked.clock, seed=asked.seed, on_synthesis=print_synthesised
        )
    except SnnhwError as error:
        print(error, file=sys.stderr)
        return 2
    print(json.dumps({"circuit": vars(asked), **found.to_json()}))
    return 0


def parser() -> argparse.ArgumentParser:
    """What the command line takes."""
    made = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    kinds = made.add_subparsers(dest="kind", required=True)
    srbm, stdp = kinds.add_parser("srbm"), kinds.add_parser("stdp")
    srbm.add_argument("--hidden", type=int, default=500)
    stdp.add_argument("--neurons", type=int, default=400)
    stdp.add_argument("--weight-bits", type=int, default=4)
    stdp.add_argument("--spikes", type=int, default=12)
    stdp.add_argument("--spram", action="store_true", help="weights in iCE40UP5K's single-port RAM")
    for kind in (srbm, stdp):
        kind.add_argument("--pixels", type=int, default=784)
        kind.add_argument("--lanes", type=int, default=16)
        kind.add_argument("--part", required=True)
        kind.add_argument("--clock", type=float, default=100.0, help="MHz to place for")
        kind.add_argument("--seed", type=int, default=1, help="of the placement")
    return made


def circuit(asked: argparse.Namespace) -> tuple[EmittedCommandCircuit, tuple[str, ...]]:
    """The circuit that is asked for, and the names of its parts."""
    if asked.kind == "srbm":
        machine = Machine(pixels=asked.pixels, hidden=asked.hidden)
        return snnhw.srbm.verilog.emit(machine, asked.lanes), gateware.srbm.PARTS
    learner = Learner.usual(asked.neurons, asked.weight_bits, pixels=asked.pixels, spikes=asked.spikes)
    memory: WeightMemory = "spram" if asked.spram else "bram"
    return snnhw.stdp.verilog.emit(learner, asked.lanes, memory=memory), gateware.stdp.PARTS


def print_synthesised(cells: dict[str, Cells]) -> None:
    """Print what each part has after synthesis, and all together, where it is any."""
    for name, found in {**cells, "all": sum(cells.values(), Cells())}.items():
        counts = {kind: number for kind, number in found.model_dump(exclude={"bram"}).items() if number}
        print(name, counts, file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
