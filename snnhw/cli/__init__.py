"""The command line: commands parse, call the library, and print.

Every command has ``--json``: one object on standard output and nothing else there. The exit status is 0, 1 (it ran,
and the answer is no) or 2 (it could not run, for the reason in one line on standard error).
"""

from snnhw.cli.app import main

__all__ = ["main"]
