"""Everything that reads files or bytes which anybody may have made: a table, to which a new reader is added."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from snnhw.ann.model import load_ann, save_ann
from snnhw.data import load as load_dataset
from snnhw.data.catalogue import Source, SourceFile
from snnhw.data.idx import decode_idx
from snnhw.data.places import read_checked
from snnhw.descriptionfile import load_description, save_description
from snnhw.files import write_atomically
from snnhw.fpga import base as patch_base
from snnhw.fpga import patch
from snnhw.fpga.boards import find_board
from snnhw.fpga.report import REPORT
from snnhw.fpga.report import load as load_report
from snnhw.host.board import Board
from snnhw.host.protocol import Answer, Decoder, Identity
from snnhw.implementationfile import built_as, load_implementation
from snnhw.modelfile import load as load_model
from snnhw.modelfile import save as save_model
from snnhw.simulate import cache
from snnhw.srbm import results
from snnhw.srbm.cnn import read_front_end
from snnhw.srbm.model import load_srbm, save_srbm
from snnhw.stdp.model import load_stdp, save_stdp
from snnhw.subject import subject_kind
from snnhw.tensorfile import load_described
from tests import circuits
from tests.fuzz import valid
from tests.fuzz.mutate import Mutate, in_frames, in_gzip, in_json, in_png, in_safetensors, in_zip
from tests.snnhw.ann.small import small_network
from tests.snnhw.data.published import encode_idx
from tests.snnhw.srbm.small import small_model
from tests.snnhw.stdp.small import small_model as small_learner_model


@dataclass(frozen=True)
class Reader:
    """``make`` fills a folder with what is valid, ``read`` reads it there; the file ``damaged`` is the one changed.

    ``inside`` changes what is within the file's container, beside changes of its bytes as they are.
    """

    name: str
    damaged: str
    make: Callable[[Path], object]
    read: Callable[[Path], object]
    inside: Mutate | None = None


def _read_published(folder: Path) -> object:
    os.environ["SNNHW_DATA"] = str(folder)
    content = encode_idx(valid.IMAGES)
    file = SourceFile("images", len(content), hashlib.sha256(content).hexdigest())
    source = Source("tiny", {"test": (file, file)}, (), PurePosixPath("Tiny/raw"))
    return decode_idx(read_checked(source, file), file.name, 3)


def _read_torchvision(folder: Path) -> object:
    os.environ["SNNHW_DATA"] = str(folder)
    return load_dataset("torchvision:KMNIST")


def _read_report(folder: Path) -> object:
    report = load_report(folder)
    return report, report.record(), report.missed


def _read_checkpoint(folder: Path) -> object:
    from snnhw.train.checkpoint import read_checkpoint
    from snnhw.train.loop import STATE
    from snnhw.train.record import TrainingRecord

    record, _ = read_checkpoint(folder / "x.checkpoint", TrainingRecord, STATE)
    return record.best, record.seconds


def _read_frames(folder: Path) -> object:
    identity = Identity.of(valid.model())
    frames = Decoder().feed((folder / "line.bin").read_bytes())
    return [(Identity.decode(frame.contents), Answer.decode(identity, frame.contents)) for frame in frames]


class Recorded:
    """A line on which the same bytes come several times, whatever was asked, and then no more."""

    name = "recorded"

    def __init__(self, octets: bytes, times: int = 20) -> None:
        self._left = [octets] * times

    def write(self, octets: bytes) -> None:
        pass

    def read(self, seconds: float) -> bytes:
        return self._left.pop() if self._left else b""


def _read_talk(folder: Path) -> object:
    board = Board(Recorded((folder / "line.bin").read_bytes()), baud=1_000_000, seconds=0.0005)
    samples = circuits.samples(valid.CASE, 1)
    return list(board.classify(board.identify_as(valid.model()), samples))


def _cached(folder: Path) -> object:
    os.environ["SNNHW_CACHE"] = str(folder)

    def build(place: Path) -> None:
        write_atomically(place / "x", "held")

    return cache.cached("fuzz", "key", build)


READERS: tuple[Reader, ...] = (
    Reader(
        "model",
        "m.safetensors",
        lambda folder: save_model(valid.model(), folder / "m.safetensors"),
        lambda folder: load_model(folder / "m.safetensors"),
        in_safetensors,
    ),
    Reader(
        "spiking-rbm",
        "m.safetensors",
        lambda folder: save_srbm(small_model(), folder / "m.safetensors"),
        lambda folder: (subject_kind(folder / "m.safetensors"), load_srbm(folder / "m.safetensors")),
        in_safetensors,
    ),
    Reader(
        "learner-by-stdp",
        "m.safetensors",
        lambda folder: save_stdp(small_learner_model(), folder / "m.safetensors"),
        lambda folder: load_stdp(folder / "m.safetensors"),
        in_safetensors,
    ),
    Reader(
        "network-in-floating-point",
        "m.safetensors",
        lambda folder: save_ann(small_network(), folder / "m.safetensors"),
        lambda folder: load_ann(folder / "m.safetensors"),
        in_safetensors,
    ),
    Reader(
        "front-end",
        "front.safetensors",
        valid.front_end,
        lambda folder: read_front_end(folder / "front.safetensors"),
        in_safetensors,
    ),
    *(
        Reader(
            f"description{suffix}",
            f"net{suffix}",
            lambda folder, suffix=suffix: save_description(valid.model().network, folder / f"net{suffix}"),  # type: ignore[misc]
            lambda folder, suffix=suffix: load_description(folder / f"net{suffix}"),  # type: ignore[misc]
            inside,
        )
        for suffix, inside in ((".json", in_json), (".toml", None))
    ),
    Reader("tensors.npz", "net.npz", valid.described, lambda folder: load_described(folder / "net.toml"), in_zip),
    Reader("runs.json", "runs.json", valid.run, lambda folder: results.load(folder / "runs.json"), in_json),
    Reader(
        "images.npy",
        "own.npy",
        valid.npy(valid.IMAGES, valid.LABELS[0]),
        lambda folder: load_dataset(folder / "own.npy"),
    ),
    *(
        Reader(
            f"labels-{index}.npy",
            "own_labels.npy",
            valid.npy(valid.IMAGES, labels),
            lambda folder: load_dataset(folder / "own.npy"),
        )
        for index, labels in enumerate(valid.LABELS)
    ),
    Reader(
        "images.npz",
        "own.npz",
        lambda folder: np.savez(folder / "own.npz", images=valid.IMAGES / 255, labels=valid.LABELS[1]),
        lambda folder: load_dataset(folder / "own.npz"),
        in_zip,
    ),
    *(
        Reader(f"png-{label}", f"{label}/a.png", valid.pngs, lambda folder: load_dataset(folder), in_png)
        for label in range(5)
    ),
    Reader(
        "idx",
        "images",
        lambda folder: (folder / "images").write_bytes(encode_idx(valid.IMAGES)),
        lambda folder: decode_idx((folder / "images").read_bytes(), "images", 3),
    ),
    Reader("published.gz", "tiny/images.gz", valid.published, _read_published, in_gzip),
    Reader("torchvision", "KMNIST/raw/t10k-images-idx3-ubyte", valid.torchvision, _read_torchvision),
    Reader("torchvision-labels", "KMNIST/raw/t10k-labels-idx1-ubyte", valid.torchvision, _read_torchvision),
    Reader(
        "circuit.json",
        "snn.json",
        valid.circuit_json,
        lambda folder: built_as(folder / "snn.json", valid.model()),
        in_json,
    ),
    *(
        Reader(
            f"implementation{Path(name).suffix}",
            name,
            make,
            lambda folder, name=name: load_implementation(folder / name, valid.model().network),  # type: ignore[misc]
            inside,
        )
        for name, make, inside in (
            ("mine.toml", valid.implementation, None),
            ("snn.json", valid.circuit_json, in_json),
        )
    ),
    Reader(
        "patched-network",
        "snn.json",
        valid.circuit_json,
        lambda folder: patch._check_network(valid.model(), folder),
        in_json,
    ),
    Reader(
        "board.toml", "icebreaker.toml", valid.board, lambda folder: find_board(str(folder / "icebreaker.toml")).device
    ),
    Reader("board-pins", "pins.pcf", valid.board, lambda folder: find_board(str(folder / "icebreaker.toml"))),
    Reader("build-report", REPORT, valid.report, _read_report, in_json),
    Reader("patch.json", patch_base.BASE, valid.kept, patch_base.load, in_json),
    Reader("patch.placed", patch_base.PLACED, valid.kept, patch_base.load),
    Reader("checkpoint", "x.checkpoint", valid.checkpoint, _read_checkpoint, in_zip),
    Reader("checkpoint-state", "net.pt", valid.state, lambda folder: load_described(folder / "net.toml"), in_zip),
    Reader("frames", "line.bin", valid.talk, _read_frames, in_frames),
    Reader("board-talk", "line.bin", valid.talk, _read_talk, in_frames),
    Reader("cache", "verilator/fuzz/key/contents.json", _cached, _cached),
)
"""All of them."""
