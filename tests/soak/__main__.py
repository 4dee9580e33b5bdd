"""``python -m tests.soak --minutes 30``: random cases against golden, oracle, trainer and tools."""

from __future__ import annotations

import argparse
import os
import secrets
import sys
from collections.abc import Sequence
from pathlib import Path

from snnhw.simulate import cache
from tests.long_run import minutes, report
from tests.soak.checks import CHECKS
from tests.soak.run import replay, soak


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line asks for; the exit status: 1 where a case has failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description="Check random cases for a while.")
    parser.add_argument("--minutes", type=float, default=1.0, help="Time to go on for (default: 1)")
    parser.add_argument("--seed", type=int, help="Seed of the cases (default: another one each time)")
    parser.add_argument(
        "--out", type=Path, default=Path("build/soak"), help="Folder of cases that fail (default: build/soak)"
    )
    parser.add_argument("--only", choices=[check.name for check in CHECKS], help="The one check to run, on every case")
    parser.add_argument("--replay", type=Path, metavar="CASE", help="Run the check again that this case has failed")
    asked = parser.parse_args(arguments)
    # Hundreds of circuits that nobody needs again must not drive out of the cache those that somebody does.
    os.environ["SNNHW_CACHE"] = str(cache.root() / "soak")
    if asked.replay:
        return 0 if replay(asked.replay) else 1
    seed = secrets.randbelow(1 << 32) if asked.seed is None else asked.seed
    sys.stderr.write(f"seed {seed}\n")
    checks = [check for check in CHECKS if asked.only in (None, check.name)]
    return 0 if report(soak(seed, asked.out, minutes(asked.minutes), checks)) else 1


if __name__ == "__main__":
    sys.exit(main())
