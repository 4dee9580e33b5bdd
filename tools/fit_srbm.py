"""Place the circuit of a spiking RBM on a part; print what it takes there and its fastest clock, as one JSON object.

``python tools/fit_srbm.py --pixels 196 --hidden 64 --lanes 8 --part lfe5u-25f``; minutes. Needs the extra ``fpga``.
"""

from __future__ import annotations

import argparse
import json
import sys

from snnhw.errors import SnnhwError
from snnhw.fpga.parts import find_part
from snnhw.srbm.fit import fit_srbm
from snnhw.srbm.machine import Machine


def main() -> int:
    """Do what the command line asks for; the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--pixels", type=int, default=784)
    parser.add_argument("--hidden", type=int, default=500)
    parser.add_argument("--lanes", type=int, default=16)
    parser.add_argument("--part", required=True)
    parser.add_argument("--clock", type=float, default=100.0, help="MHz to place for")
    parser.add_argument("--seed", type=int, default=1, help="of the placement")
    asked = parser.parse_args()
    machine = Machine(pixels=asked.pixels, hidden=asked.hidden)
    try:
        found = fit_srbm(machine, asked.lanes, find_part(asked.part), clock_mhz=asked.clock, seed=asked.seed)
    except SnnhwError as error:
        print(error, file=sys.stderr)
        return 2
    print(json.dumps({"pixels": asked.pixels, "hidden": asked.hidden, **found.to_json()}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
