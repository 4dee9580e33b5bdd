"""Datasets as commands take them: what is assumed of them is printed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from snnhw.cli.output import note

if TYPE_CHECKING:
    from snnhw.data import Dataset
    from snnhw.network import Network


def noted(dataset: Dataset, network: Network | None = None) -> Dataset:
    """The dataset, after notes on what is assumed of it; without a network it goes into what learns on the chip."""
    note_all(dataset, network=network)
    return dataset


def note_all(*datasets: Dataset | None, network: Network | None = None) -> None:
    """Note, once each, what is assumed of some datasets that go into a network."""
    from snnhw.data import remarks

    present = [dataset for dataset in datasets if dataset is not None]
    for line in dict.fromkeys(line for dataset in present for line in remarks(dataset, network)):
        note(line)


def fitted(dataset: Dataset, network: Network) -> Dataset:
    """The dataset with its images as a network takes them, after notes; without labels that are none of its classes.

    A circuit can be compared with golden on any images, so such labels are no error. Raises DatasetError for images of
    another size or kind.
    """
    from snnhw.data import check_images, check_labels
    from snnhw.errors import DatasetError

    samples = check_images(noted(dataset, network), network)
    try:
        labels = check_labels(dataset, network.classes)
    except DatasetError as error:
        note(f"no label is taken: {error}")
        labels = None
    return replace(dataset, images=samples, labels=labels, form="integers")
