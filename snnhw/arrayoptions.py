"""What can be said beside weights that come from elsewhere, and which of it is a layer's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict, TypeVar

from pydantic import ValidationError

from snnhw.errors import DescriptionError, ModelError
from snnhw.kinds import Frozen, Kind, of_kind, plain
from snnhw.network import Direct, Encoder, MembraneReadout, Readout, first_complaint
from snnhw.quantise import Comparator
from snnhw.wording import no_such, quoted

__all__ = [
    "DEFAULTS",
    "EVERYWHERE",
    "WHERE_IT_FIRES",
    "ArrayOptions",
    "by_layer",
    "checked_options",
    "part",
    "with_parts",
]


class ArrayOptions(TypedDict, total=False):
    """What is to be known beside the weights.

    An option of layers is a list with one entry a layer (or one a layer that fires), a mapping by name, or one value
    for all that fire (``biases``, ``weight_bits``: for all). With a membrane readout, which is the default, the last
    layer never fires; it leaks only where a list or mapping says so.
    """

    biases: Any
    """[units], added at every step."""
    thresholds: Any
    """A number or [units]; float networks have 1.0 unless told."""
    comparator: Comparator
    """``">="`` unless told; ``">"``: the given network fires above its threshold and not at it."""
    leak: Any
    """A :class:`snnhw.network.Leak`."""
    leak_amounts: Any
    """A number or [units] in the place of the leak's amount; alone: what is subtracted from the membrane."""
    betas: Any
    """Factors from 0 to 1 on the membrane, instead of ``leak``: exact where 1 - 2**-k, else of ``beta_bits`` bits."""
    beta_bits: int | None
    """1 to 16; None: as many as the error asks for that they make, see :func:`snnhw.quantise.with_leak_of_beta`."""
    reset: Any
    """``"subtract"`` (unless told), ``"zero"`` or ``"none"``."""
    reset_amounts: Any
    """A number or [units]; the threshold unless told."""
    reset_delay: Any
    refractory: Any
    spike: Any
    """A :class:`snnhw.network.Spike`; its bits and bound count in integers."""
    membrane: Any
    """The :class:`snnhw.network.Range` of integers that the membrane saturates to."""
    initial: Any
    """The membrane before the first step: a number or [units]."""
    weight_bits: Any
    """8 for floats; what the integers need otherwise."""
    per_row: bool
    """A scale for each neuron, in every layer but one whose membranes are the scores; not so unless told."""
    input_shape: Sequence[int] | None
    """``(inputs,)`` unless told."""
    encoder: Encoder | str | Mapping[str, Any]
    """Pixels as they are unless told; the name alone, such as ``"rate"``, is the kind with its defaults."""
    input_scale: float | None
    """What the encoder's 1 stands for in the float network: unless told 1 / (2**bits - 1) for pixels, so that white
    is 1.0, and 1 for spikes."""
    num_steps: int
    """8 unless told."""
    readout: Readout | str | Mapping[str, Any]
    """The last membranes unless told; the name alone, such as ``"count"``, is the kind with its defaults."""
    provenance: Mapping[str, Any] | None


DEFAULTS: ArrayOptions = {
    "comparator": ">=",
    "per_row": False,
    "encoder": Direct(),
    "num_steps": 8,
    "readout": MembraneReadout(),
}
"""What is taken of options that are left out, where that is not None."""

EVERYWHERE = ("biases", "weight_bits")
WHERE_IT_FIRES = (
    "thresholds", "leak", "leak_amounts", "betas", "reset", "reset_amounts", "reset_delay", "refractory", "spike",
    "membrane", "initial",
)  # fmt: skip

_NUMBERS = ("weight_bits", "refractory", "reset_delay")
"""Options of layers of which an array holds one number a layer, not one a neuron."""

F = TypeVar("F", bound=Frozen)
K = TypeVar("K", bound=Kind)


def checked_options(options: ArrayOptions) -> dict[str, Any]:
    """The options, with what is taken of those that are left out.

    Raises TypeError for an option that there is not, ModelError or DescriptionError for one that cannot be.
    """
    for name in options:
        if name not in ArrayOptions.__annotations__:
            raise TypeError(no_such("option", name, ArrayOptions.__annotations__))
    chosen: dict[str, Any] = {**DEFAULTS, **with_parts(options)}
    if chosen["comparator"] not in (">=", ">"):
        raise ModelError(f"comparator must be '>=' or '>', not {quoted(chosen['comparator'])}")
    for name in ("beta_bits", "input_shape", "input_scale", "num_steps"):
        chosen[name] = plain(chosen.get(name))
    return chosen


def with_parts(options: ArrayOptions) -> dict[str, Any]:
    """The options with encoder and readout, where they are given, as parts of a description; or DescriptionError."""
    families: dict[str, type[Kind]] = {"encoder": Encoder, "readout": Readout}
    given: dict[str, Any] = dict(options)
    return given | {name: part(family, name, given[name]) for name, family in families.items() if name in given}


def part(kind: type[F], what: str, value: Any) -> F:
    """A part of a description, as it is or from plain data; DescriptionError, which names it, where it cannot be."""
    try:
        return of_kind(kind, value) if issubclass(kind, Kind) else kind.model_validate(value)
    except ValidationError as error:
        raise DescriptionError(f"{what}: {first_complaint(error)}") from error
    except ValueError as error:
        raise DescriptionError(f"{what}: {error}") from error


def by_layer(option: str, value: Any, names: list[str], default: list[str]) -> dict[str, Any]:
    """An option's value for each layer; a single one holds for the layers of ``default``."""
    value = plain(value) if option in _NUMBERS else value
    if isinstance(value, Mapping):
        for name in value:
            if name not in names:
                raise ModelError(f"{option}: {no_such('layer', name, names)}")
        return dict(value)
    if not isinstance(value, list | tuple):
        return dict.fromkeys(default, value)
    for candidates in (names, default):
        if len(value) == len(candidates):
            return dict(zip(candidates, value, strict=True))
    raise ModelError(f"{option} must hold one entry for each of {', '.join(names)}, not {len(value)}")
