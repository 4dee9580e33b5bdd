"""Valid files, as the project's own writers make them: what is damaged afterwards. Each function fills a folder."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from snnhw.descriptionfile import save_description
from snnhw.files import write_atomically
from snnhw.fpga.base import Base
from snnhw.fpga.parts import Cells, constraints, find_part
from snnhw.fpga.report import REPORT, BuildReport
from snnhw.frames import Kind
from snnhw.host.protocol import Frame
from snnhw.semantics import semantics
from snnhw.shell import PLAIN
from snnhw.srbm import results
from snnhw.srbm.cnn import Convolution, FrontEnd, save_front_end
from snnhw.srbm.runs import Run
from tests import circuits
from tests.snnhw.data.published import encode_idx
from tests.snnhw.host.simple import SimpleCircuit

CASE = "direct"
IMAGES = np.arange(60, dtype=np.uint8).reshape(5, 3, 4)


def model() -> Any:
    return circuits.model(CASE)


def front_end(folder: Path) -> None:
    random = np.random.default_rng(1)
    layers = [
        Convolution(random.integers(-8, 8, shape, np.int8), random.integers(-9, 9, shape[0], np.int32), 3, pooled)
        for shape, pooled in (((2, 1, 3, 3), True), ((3, 2, 3, 3), False))
    ]
    save_front_end(FrontEnd(tuple(layers), {"seed": 1}), folder / "front.safetensors")


def described(folder: Path) -> None:
    save_description(model().network, folder / "net.toml")
    np.savez_compressed(folder / "net.npz", **model().tensors)


def run(folder: Path) -> None:
    run = Run(
        experiment="base",
        seed=1,
        machine={"hidden": 4},
        schedule=[(4, 10)],
        features="threshold",
        bits_digest="0",
        images=10,
        correct=9,
        curve=[(5, 0.5)],
    )
    results.record(run, folder / "runs.json")


def pngs(folder: Path) -> None:
    for label, mode in enumerate(("L", "1", "P", "RGB", "LA")):
        path = folder / str(label) / "a.png"
        path.parent.mkdir()
        Image.fromarray(IMAGES[label]).convert(mode).save(path)


def npy(images: Any, labels: Any) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        np.save(folder / "own.npy", images)
        np.save(folder / "own_labels.npy", labels)

    return make


LABELS = (np.arange(5), np.array(["0", "1", "2", "10", "3"]), np.eye(5), np.arange(5).astype(np.float32))
"""As users have them: integers, text, one-hot, floats."""


def published(folder: Path) -> None:
    (folder / "tiny").mkdir()
    (folder / "tiny" / "images.gz").write_bytes(gzip.compress(encode_idx(IMAGES)))


def torchvision(folder: Path) -> None:
    for split in ("train", "t10k"):
        write_atomically(folder / "KMNIST" / "raw" / f"{split}-images-idx3-ubyte", encode_idx(IMAGES))
        write_atomically(
            folder / "KMNIST" / "raw" / f"{split}-labels-idx1-ubyte", encode_idx(np.arange(5, dtype=np.uint8))
        )


def circuit_json(folder: Path) -> None:
    circuits.emitted(CASE).write(folder)


def implementation(folder: Path) -> None:
    layer = model().network.layers[0].name
    lanes = "synapse_lanes = 2\nneuron_lanes = 1\nmemory = 'ram'"
    write_atomically(folder / "mine.toml", f"pixels_per_beat = 4\nqueue = false\n[layers.{layer}]\n{lanes}\n")


def board(folder: Path) -> None:
    for path in (constraints() / "icebreaker").iterdir():
        write_atomically(folder / path.name, path.read_bytes())


def report(folder: Path) -> None:
    cycles = {"min": 1, "mean": 2.5, "max": 4}
    report = BuildReport.model_validate(
        {
            "name": "snn",
            "digest": model().digest,
            "semantics": tuple(semantics(model())),
            "implementation": circuits.implementation(CASE),
            "shell": PLAIN,
            "board": "iCEBreaker",
            "programmer": ("--board", "ice40_generic"),
            "part": find_part("up5k"),
            "stages": {"layer0": Cells(lut=5)},
            "harness": None,
            "placed": {"ICESTORM_LC": (5, 5280)},
            "clock_mhz": 12.0,
            "timing": {"asked_mhz": 12.0, "fmax_mhz": 20.0, "worst_path_ns": 50.0, "worst_path": ("layer0",)},
            "cycles": {"dataset": "sample", "images": 3, "latency": cycles, "interval": cycles},
            "work": {"synaptic_operations": 1.0, "weight_bits_read": 2.0, "energy_nj": 3.0},
            "seed": 1,
            "tools": {"pyosys": "0"},
            "bitstream": "snn.bin",
            "bitstream_sha256": "0",
            "seconds": {"synthesis": 1.0},
        }
    )
    write_atomically(folder / REPORT, report.model_dump_json(indent=1))


def kept(folder: Path) -> None:
    (folder / "placed").write_text(".device 5k\n.ram_data 1 1\n" + "0" * 64 + "\n")
    block = {"cell": "1 1", "memory": "snn.layer0.weights_0", "word": 0, "bit": 0, "bits": 4}
    Base.model_validate({"circuit": "0", "blocks": (block,)}).keep(folder / "placed", folder)


def checkpoint(folder: Path) -> None:
    import torch

    from snnhw.train.checkpoint import write_checkpoint
    from snnhw.train.loop import STATE
    from snnhw.train.options import TrainOptions
    from snnhw.train.record import TrainingRecord

    score = {"correct": 1, "total": 2}
    epoch = {"epoch": 1, "loss": 0.5, "validation": score, "test": None, "seconds": 1.0}
    record = TrainingRecord.model_validate(
        {
            "network": model().network.model_dump(mode="json"),
            "dataset": "sample",
            "dataset_digest": "0",
            "samples": 5,
            "options": TrainOptions(),
            "versions": {"torch": "0"},
            "epochs": [epoch],
            "kept": 1,
        }
    )
    state = {name: {"weight": torch.arange(6).reshape(2, 3), "step": 1} for name in STATE}
    write_checkpoint(folder / "x.checkpoint", record, state)


def state(folder: Path) -> None:
    import torch

    described(folder)
    (folder / "net.npz").unlink()
    torch.save({name: torch.from_numpy(tensor.copy()) for name, tensor in model().tensors.items()}, folder / "net.pt")


def talk(folder: Path) -> None:
    identity = SimpleCircuit(model())
    identity.write(Frame(Kind.IDENTIFY, 0).encode() + Frame(Kind.CLASSIFY, 0, bytes(6)).encode())
    (folder / "line.bin").write_bytes(identity.read(0))
