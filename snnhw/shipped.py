"""Models that ship with the package: their names, of which kind each is, and how one is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.resources import as_file, files
from importlib.resources.abc import Traversable
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

from snnhw.errors import DescriptionError, ModelFileError
from snnhw.subject import SubjectKind
from snnhw.wording import did_you_mean, no_such, quoted

__all__ = [
    "SHIPPED",
    "find_named",
    "is_name",
    "load_shipped",
    "resolve_shipped",
    "shipped_file",
    "shipped_models",
    "unknown_model",
]

Loaded = TypeVar("Loaded")

SHIPPED: Mapping[str, SubjectKind] = MappingProxyType(
    {
        "lenet5": SubjectKind.NETWORK,
        "lenet5-ann": SubjectKind.ANN,
        "lenet5-certified": SubjectKind.NETWORK,
        "mnist-conv": SubjectKind.NETWORK,
        "mnist-conv-seed": SubjectKind.NETWORK,
        "mnist-conv-small": SubjectKind.NETWORK,
        "mnist-graded": SubjectKind.NETWORK,
        "mnist-mlp": SubjectKind.NETWORK,
        "srbm-mnist": SubjectKind.SRBM,
        "stdp-mnist": SubjectKind.STDP,
    }
)
"""Of which kind each model is that ships. Help texts have the names, so nothing is read to know them."""


def shipped_models(*kinds: SubjectKind) -> tuple[str, ...]:
    """The names of the models that ship: those of these kinds, all of them where none is given."""
    return tuple(name for name, kind in SHIPPED.items() if not kinds or kind in kinds)


def shipped_file(name: str) -> Traversable:
    """The file of a model that ships."""
    from snnhw.container import SUFFIX

    return files("snnhw") / "models" / f"{name}{SUFFIX}"


def is_name(name_or_path: str | Path) -> bool:
    """Whether this can be the name of a model that ships: it is no file, and does not look like the path of one."""
    from snnhw.container import SUFFIX
    from snnhw.descriptionfile import is_description
    from snnhw.statefile import is_state_file

    path = Path(name_or_path)
    looks = path.suffix == SUFFIX or is_description(path) or is_state_file(path) or len(path.parts) > 1
    return not (looks or path.is_file())


def unknown_model(name: str, *kinds: SubjectKind) -> str:
    """Why a name is that of no model of these kinds, and what would be."""
    from snnhw.container import SUFFIX
    from snnhw.descriptionfile import SUFFIXES
    from snnhw.statefile import STATE_SUFFIXES

    what, ways, names = " or ".join(kinds), f"the path of a {SUFFIX} file", shipped_models(*kinds)
    if SubjectKind.NETWORK in kinds:
        described, states = " or ".join(SUFFIXES), " or ".join(STATE_SUFFIXES)
        what = "model"
        ways += f", of a description ({described}) with its weights beside it, or of a state_dict ({states})"
    ways += f", or one that ships: {', '.join(names)}"
    return f"there is no {what} {quoted(name)}{did_you_mean(name, names)}; give {ways}"


def load_shipped(name: str, load: Callable[[Path], Loaded]) -> Loaded:
    """The trained model of a preset; raises ModelFileError where none ships, and what ``load`` raises."""
    from snnhw.container import SUFFIX

    if name not in SHIPPED:
        raise ModelFileError(
            f"no trained model of preset '{name}' ships: `snnhw train {name}` makes {name}{SUFFIX}, to be given in its "
            f"place; these ship: {', '.join(SHIPPED)}"
        )
    with as_file(shipped_file(name)) as file:
        return load(file)


def find_named(name: str, presets: Mapping[str, Loaded], what: str) -> Loaded:
    """The preset of that name; raises DescriptionError with the list of those there are of ``what``."""
    if name not in presets:
        raise DescriptionError(no_such(what, name, presets))
    return presets[name]


def resolve_shipped(
    name_or_path: str | Path, kind: SubjectKind, load: Callable[[Path], Loaded], presets: Mapping[str, object]
) -> Loaded:
    """The model of a kind in a file, or the one that ships under the name of one of its presets.

    Raises ModelFileError where there is none, and what ``load`` raises.
    """
    name = str(name_or_path)
    if name in presets:
        return load_shipped(name, load)
    if is_name(name):
        raise ModelFileError(unknown_model(name, kind))
    return load(Path(name_or_path))
