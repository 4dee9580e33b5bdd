"""The exceptions that mean "this could not be done", as opposed to "this was done and the answer is no".

Every message is one line that says what is wrong and what to do about it. The command line prints it and ends with
`exit_status`; a mismatch that `verify` finds is a result and no exception. Wrong arguments from Python code raise
`TypeError` or `ValueError` as usual: these classes are for what a user's files, machine and network can do.
"""

__all__ = [
    "BoardError",
    "DatasetError",
    "DescriptionError",
    "DownloadError",
    "FitError",
    "LinkError",
    "ModelError",
    "ModelFileError",
    "OutputError",
    "SnnhwError",
    "ToolError",
    "ToolMissingError",
]


_LONGEST = 1000
"""Characters of a message."""


class SnnhwError(Exception):
    """The base of the project's exceptions.

    The message is kept on one line of what can be printed, and not too long, also where it quotes a library that writes
    several lines, or a file that holds anything.
    """

    exit_status = 2
    """What a command that ends with this error returns: 2, could not run."""

    def __init__(self, message: str) -> None:
        line = " ".join(line.strip() for line in message.splitlines() if line.strip())
        line = "".join(char if char.isprintable() else repr(char)[1:-1] for char in line)
        if len(line) > _LONGEST:
            line = f"{line[: _LONGEST // 2]} ... {line[-_LONGEST // 3 :]}"  # what is to be done stands at the end
        super().__init__(line)


class DescriptionError(SnnhwError, ValueError):
    """A network or implementation that cannot be: it names the field, what it must be and what came."""


class ModelError(SnnhwError, ValueError):
    """Tensors that do not fit a network's description: it names the tensor, what it must be and what came."""


class ModelFileError(SnnhwError):
    """A model file that is damaged, of another schema version, or does not hold what its header says."""


class DatasetError(SnnhwError):
    """Images or labels that are missing, damaged, or of another size or kind than is needed."""


class DownloadError(DatasetError):
    """A dataset that no source could deliver, or that was delivered altered."""


class BoardError(SnnhwError):
    """A board or part that is not known, whose files are wrong, or that cannot run at the clock that is asked for."""


class FitError(SnnhwError):
    """A circuit that a part has no room for: it names the resource, how many are wanted and there, and what helps."""


class LinkError(SnnhwError):
    """A serial port that cannot be used, or what is behind it: silent, no circuit of ours, or of another model."""


class ToolError(SnnhwError):
    """An outside program (a compiler, a simulator) that ran and failed."""


class ToolMissingError(ToolError):
    """An outside program that is not installed: it says how to get it."""


class OutputError(SnnhwError):
    """A file or folder that cannot be written."""
