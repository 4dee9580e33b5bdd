"""Datasets: fetched, checked and loaded as NumPy arrays, without a deep-learning framework.

>>> from snnhw.data import load
>>> sample = load("sample")
>>> sample.images.shape, sample.labels.shape
((1000, 28, 28), (1000,))
"""

from snnhw.data.catalogue import EVENT_SETS, NAMES
from snnhw.data.dataset import Dataset, check_images, check_labels, remarks
from snnhw.data.events import EventDataset
from snnhw.data.fetch import fetch
from snnhw.data.load import load, load_events
from snnhw.data.places import folder_of

__all__ = [
    "EVENT_SETS",
    "NAMES",
    "Dataset",
    "EventDataset",
    "check_images",
    "check_labels",
    "fetch",
    "folder_of",
    "load",
    "load_events",
    "remarks",
]
