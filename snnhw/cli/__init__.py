"""The command line: commands parse, call the library, and print.

Every command has ``--json``: one object on standard output and nothing else there. The exit status is 0, 1 (it ran,
and the answer is no) or 2 (it could not run, for the reason in one line on standard error).
"""

import gc
import sys

__all__ = ["main"]

_ALLOCATIONS = 50_000
"""Objects made between two searches for garbage: after Python's 700, nearly all belong to modules and stay."""


def main() -> None:
    """Run the command that the arguments of this process name, and end the process."""
    gc.set_threshold(_ALLOCATIONS)
    try:
        from snnhw.cli.app import run

        status = run(sys.argv[1:])
    except KeyboardInterrupt:  # while modules were loaded: what runs commands has words of its own
        print("snnhw: interrupted", file=sys.stderr)
        status = 2
    sys.exit(status)
