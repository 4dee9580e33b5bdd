"""Recordings of event cameras: files of x, y, p and t, cut into bins and counted as the circuit counts them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from golden.encoder import Binned, binned
from snnhw.errors import DatasetError
from snnhw.network import AddressEvents, Network
from snnhw.npzfile import open_npz

__all__ = ["Recording", "read_recording"]

NAMES = ("x", "y", "p", "t")
"""The arrays of a file: column, row, polarity and time of each event."""

MOST_SAMPLES = 10_000
"""Of one recording: each is a whole array of counts."""


@dataclass(frozen=True)
class Recording:
    """n events in any order; polarity is 0 or 1, times are in any unit."""

    x: NDArray[np.int64]
    y: NDArray[np.int64]
    polarity: NDArray[np.int64]
    time: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.time)

    def cut(self, network: Network, duration: int | None = None) -> list[Binned]:
        """Samples of ``num_steps`` bins, one after the other from the first event on; empty bins fill up the last.

        A bin takes ``duration``, in the unit of the times; without, all events make one sample. Raises DatasetError
        for a network that does not take such events, and for more than `MOST_SAMPLES` samples.
        """
        encoder, steps = network.encoder, network.num_steps
        if not encoder.takes_events or encoder.carries_values:
            raise DatasetError(
                f"a recording of events needs the encoder '{AddressEvents.name()}', the network has '{encoder.kind}'"
            )
        start = int(self.time.min())
        span = int(self.time.max()) - start + 1
        width = -(-span // steps) if duration is None else duration
        if width < 1:
            raise DatasetError(f"a bin must take 1 at least, not {width}")
        bins = (self.time - start) // width
        samples = int(bins.max()) // steps + 1
        if samples > MOST_SAMPLES:
            raise DatasetError(
                f"bins of {width} make {samples} samples, and {MOST_SAMPLES} is the most: make them longer"
            )
        fields = dict(zip(AddressEvents.FIELDS, (self.x, self.y, self.polarity), strict=True))
        found = []
        for sample in range(samples):
            own = bins // steps == sample
            found.append(binned(network, bins[own] % steps, {name: field[own] for name, field in fields.items()}))
        return found


def read_recording(path: str | Path) -> Recording:
    """Read a .npz of arrays x, y, p and t, [n] integers each; p may be booleans, or -1 and 1.

    Raises DatasetError, in one line, for a file that cannot be read or holds something else.
    """
    path = Path(path)
    with open_npz(path, DatasetError) as arrays:
        missing = [name for name in NAMES if name not in arrays]
        if missing:
            raise DatasetError(
                f"{path} has no array {missing[0]}: save events with np.savez(path, x=x, y=y, p=p, t=t), [n] each"
            )
        x, y, p, t = (_integers(path, name, arrays[name]) for name in NAMES)
    if not len(t) or not len(x) == len(y) == len(p) == len(t):
        raise DatasetError(
            f"{path} must have as many x, y, p and t, and one at least, not {len(x)}, {len(y)}, {len(p)} and {len(t)}"
        )
    return Recording(x, y, (p > 0).astype(np.int64) if p.min() < 0 else p, t)


def _integers(path: Path, name: str, array: NDArray[np.generic]) -> NDArray[np.int64]:
    """An array of the file as int64 [n]."""
    if array.ndim != 1 or array.dtype.kind not in "biu":
        raise DatasetError(
            f"array {name} of {path} must be integers [n], not {array.dtype} {list(array.shape)}: save whole "
            "numbers, times in microseconds"
        )
    return array.astype(np.int64)
