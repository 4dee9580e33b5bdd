"""Circuits with their test benches, faults planted in them, and what simulators say of them."""

import os
import re
import subprocess
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from snnhw import testbench as bench
from snnhw.design import Design
from snnhw.implementation import Implementation, MemoryKind
from snnhw.model import Model
from snnhw.network import Dense, Direct, Layer, MembraneReadout, Network, Neuron
from snnhw.shell import PLAIN, Shell
from snnhw.simulate.compiler import verilator_root
from snnhw.verilog import Emitted, emit
from tests import circuits

STANDARDS = ("2005", "2012")
"""Of Verilog, by which Icarus takes circuits and benches."""

COUNT = 5
"""Samples."""


def emitted(case: str, shell: Shell = PLAIN, memory: MemoryKind = "rom", weights: str = "inline") -> Emitted:
    """The circuit of a case in a shell; without one, and with weights that are built in, that of other tests."""
    if shell == PLAIN and memory == "rom":
        return circuits.emitted(case, weights)
    return _emitted(case, shell, memory, weights)


@lru_cache
def _emitted(case: str, shell: Shell, memory: MemoryKind, weights: str) -> Emitted:
    return emit(Design(circuits.model(case), implementation(case, memory, weights)), shell=shell)


def implementation(case: str, memory: MemoryKind = "rom", weights: str = "inline") -> Implementation:
    """That of a case, all its weights in memories of a kind."""
    chosen = circuits.implementation(case, weights)
    layers = tuple(layer.model_copy(update={"memory": memory}) for layer in chosen.layers)
    return chosen.model_copy(update={"layers": layers})


def files(
    case: str,
    shell: Shell = PLAIN,
    memory: MemoryKind = "rom",
    weights: str = "inline",
    **options: Any,
) -> dict[str, str]:
    """A circuit and its bench."""
    circuit = emitted(case, shell, memory, weights)
    design = Design(circuits.model(case), implementation(case, memory, weights))
    return {**circuit.files, **bench.testbench(design, circuit, circuits.samples(case, COUNT), **options)}


@lru_cache
def tiny(inputs: int, pixels_per_beat: int, shell: Shell, memory: MemoryKind = "rom") -> MappingProxyType[str, str]:
    """A network of two neurons, and its bench."""
    layer = Layer(name="only", synapse=Dense(units=2, weight_bits=4), bias=False, neuron=Neuron.integrator())
    network = Network(
        input_shape=(inputs,), encoder=Direct(bits=4), stages=(layer,), readout=MembraneReadout(), num_steps=2
    )
    random = np.random.default_rng(1)
    model = Model(network, {"only.weight": random.integers(-8, 8, (2, inputs))})
    chosen = Implementation.of(network, pixels_per_beat=pixels_per_beat, memory={"only": memory})
    circuit = emit(Design(model, chosen), shell=shell)
    samples = random.integers(0, 256, (3, inputs), np.uint8)
    return MappingProxyType({**circuit.files, **bench.testbench(Design(model, chosen), circuit, samples)})


def held(written: dict[str, str], module: str, register: str, value: str) -> dict[str, str]:
    """The same files, where a register, a regular expression, of one module of the circuit always gets one value."""
    return altered(written, module, rf"^(    {register} *<= ).*;$", rf"\g<1>{value};")


def altered(written: dict[str, str], module: str, pattern: str, replacement: str) -> dict[str, str]:
    """The same files, where one place in one module of the circuit is replaced."""
    text = written["snn.v"]
    start = text.index(f"module \\{module} (")
    end = text.index("endmodule", start)
    body, count = re.subn(pattern, replacement, text[start:end], flags=re.MULTILINE)
    assert count == 1, f"{count} places in {module}"
    return {**written, "snn.v": text[:start] + body + text[end:]}


def icarus(folder: Path, written: dict[str, str], *options: str, standard: str = "2005") -> list[str]:
    """What a bench prints in Icarus, line by line."""
    for name, text in written.items():
        (folder / name).write_text(text)
    build = ["iverilog", f"-g{standard}", "-Wall", *options, "-s", "snn_tb", "-o", "tb.vvp", "snn.v", "snn_tb.v"]
    built = subprocess.run(build, cwd=folder, capture_output=True, text=True, check=False)
    assert (built.returncode, built.stdout + built.stderr) == (0, "")
    ran = subprocess.run(["vvp", "-n", "tb.vvp"], cwd=folder, capture_output=True, text=True, timeout=60, check=True)
    return [line for line in ran.stdout.splitlines() if "$finish" not in line]


def passes(said: list[str]) -> bool:
    """Whether a bench says nothing but that all is well."""
    found = re.fullmatch(r"PASS: (\d+) of (\d+) samples", "\n".join(said))
    return found is not None and found[1] == found[2]


def verilator_has_nothing_to_say(folder: Path, written: dict[str, str]) -> None:
    """Hold a circuit and its bench against every rule of Verilator."""
    for name, text in written.items():
        (folder / name).write_text(text)
    program = verilator_root() / "bin" / "verilator_bin"
    command = [
        str(program),
        "--lint-only",
        "--timing",
        "-Wall",
        "--top-module",
        "snn_tb",
        "snn.vlt",
        "snn.v",
        "snn_tb.v",
    ]
    environment = {**os.environ, "VERILATOR_ROOT": str(verilator_root())}
    ran = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
