"""Make the sample that ships inside the package from MNIST's test set; it comes out the same every time.

    python tools/make_sample.py

Taken are the first 100 images of each class, unaltered, in the order of the test set, with the place of each in it.
`snnhw data fetch mnist` must have run.
"""

from pathlib import Path

import numpy as np

from snnhw.data import load
from snnhw.files import replacing

EACH = 100
PATH = Path(__file__).parents[1] / "snnhw" / "data" / "sample.npz"


def main() -> None:
    """Write the sample over the one that is there."""
    mnist = load("mnist", "test")
    labels = mnist.labels
    if labels is None:
        raise RuntimeError("MNIST has labels")
    indices = np.sort(np.concatenate([np.flatnonzero(labels == digit)[:EACH] for digit in range(10)]))
    with replacing(PATH) as temporary:
        np.savez_compressed(
            temporary,
            images=mnist.images[indices],
            labels=labels[indices].astype(np.uint8),
            indices=indices.astype(np.uint16),
        )
    print(f"{PATH.name}: {len(indices)} images, {PATH.stat().st_size} bytes, digest {load('sample').digest}")


if __name__ == "__main__":
    main()
