"""Hypothesis strategies: what :mod:`tests.kinds` has, with choices that Hypothesis makes and shrinks.

All shrink towards one layer of one neuron, zero weights and dark pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from hypothesis.strategies import DrawFn, SearchStrategy
from numpy.typing import NDArray

from snnhw.implementation import Implementation
from snnhw.model import Model
from snnhw.network import Encoder, Network, Neuron
from tests import builds, kinds

T = TypeVar("T")


class Drawn:
    """Choices of Hypothesis, see :class:`tests.draws.Draws`."""

    def __init__(self, draw: DrawFn) -> None:
        self._draw = draw

    def integer(self, low: int, high: int) -> int:
        return self._draw(st.integers(low, high))

    def choice(self, options: Sequence[T]) -> T:
        return self._draw(st.sampled_from(options))

    def array(self, shape: tuple[int, ...], low: int, high: int, often: Sequence[int] = ()) -> NDArray[np.int64]:
        return self._draw(tensor(shape, low, high, often))


def tensor(shape: tuple[int, ...], low: int, high: int, often: Sequence[int] = ()) -> SearchStrategy[NDArray[np.int64]]:
    """Integers of a shape from ``low`` to ``high``; those of ``often``, or else the ends, more often than by chance."""
    elements = st.one_of(st.integers(low, high), st.sampled_from(often or [low, high]))
    return arrays(np.int64, shape, elements=elements, fill=st.just(min(max(0, low), high)))


@st.composite
def drawn(draw: DrawFn, make: Any, *arguments: Any) -> Any:
    """What a function of :mod:`tests.kinds` makes of Hypothesis's choices; strategies among the rest are drawn."""
    given = [draw(each) if isinstance(each, SearchStrategy) else each for each in arguments]
    return make(Drawn(draw), *given)


encoders: SearchStrategy[Encoder] = drawn(kinds.encoder)


def neurons() -> SearchStrategy[Neuron]:
    """A neuron that fires, of any variant."""
    return drawn(kinds.neuron)


def integrators() -> SearchStrategy[Neuron]:
    """A neuron that never fires."""
    return drawn(kinds.integrator)


def networks() -> SearchStrategy[Network]:
    """Any small network."""
    return drawn(kinds.network)


def models(network: SearchStrategy[Network] | None = None) -> SearchStrategy[Model]:
    """A model of any small network, or of one from ``network``."""
    return drawn(kinds.model, networks() if network is None else network)


def samples(network: Network, count: int = 1) -> SearchStrategy[NDArray[np.uint8]]:
    """Samples uint8 [count, *sample_shape] for a network, with many dark and extreme pixels."""
    return drawn(kinds.samples, network, count)


def implementations(network: Network) -> SearchStrategy[Implementation]:
    """Any way to build a network: lanes from one to all, also where they do not divide the neurons."""
    return drawn(builds.implementation, network)
