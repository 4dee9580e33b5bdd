"""``python -m tests.fuzz --minutes 30``: damaged files for everything that reads files."""

from __future__ import annotations

import argparse
import secrets
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.fuzz.readers import READERS
from tests.fuzz.run import fuzz, replay
from tests.long_run import minutes, report


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line asks for; the exit status: 1 where a reader has failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="Read damaged files for a while.")
    parser.add_argument("--minutes", type=float, default=1.0, help="Time to go on for (default: 1)")
    parser.add_argument("--seed", type=int, help="Seed of the damage (default: another one each time)")
    parser.add_argument(
        "--out", type=Path, default=Path("build/fuzz"), help="Folder of what fails (default: build/fuzz)"
    )
    parser.add_argument("--only", choices=[reader.name for reader in READERS], help="The one reader to use")
    parser.add_argument("--replay", type=Path, metavar="CASE", help="Read again what has failed")
    asked = parser.parse_args(arguments)
    if asked.replay:
        return 0 if replay(asked.replay) else 1
    seed = secrets.randbelow(1 << 32) if asked.seed is None else asked.seed
    sys.stderr.write(f"seed {seed}\n")
    readers = [reader for reader in READERS if asked.only in (None, reader.name)]
    return 0 if report(fuzz(seed, asked.out, minutes(asked.minutes), readers)) else 1


if __name__ == "__main__":
    sys.exit(main())
