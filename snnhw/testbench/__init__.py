"""Self-checking test benches in Verilog-2005 for emitted circuits, with their vectors: for any simulator."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from snnhw.design import Design
from snnhw.samples import check_samples
from snnhw.shell import AxiShell, UartShell
from snnhw.testbench.axi import axi_bench
from snnhw.testbench.stream import stream_bench
from snnhw.testbench.subject import Subject
from snnhw.testbench.uart import uart_bench
from snnhw.verilog import Emitted

__all__ = ["LIMITS", "testbench"]

LIMITS = {"stream": 10, "axi": 10, "uart": 3}
"""Samples that are sent through each kind of shell unless told; over a serial line each takes long to simulate."""


def testbench(
    design: Design,
    emitted: Emitted,
    samples: NDArray[np.uint8],
    *,
    stalls: bool = True,  # noqa: PT028 (no test, in spite of its name)
    seed: int = 1,  # noqa: PT028
) -> dict[str, str]:
    """The files of a test bench by name: ``TOP_tb.v``, and the vectors that it reads from the folder it runs in.

    ``emitted`` is the circuit of the design, in any shell, and ``samples`` uint8 [B,
    *sample_shape]. The bench sends all samples, and between good ones what must be lost, compares the class and every
    score of each with golden's, prints what differs, and ends with one line, ``PASS: R of R samples`` or ``FAIL: ...``;
    R is more than B where samples come again after what is lost. With ``stalls`` source and sink pause at random, and
    ``seed`` (32 bits) chooses how; both are parameters of the module too, STALLS and SEED. Where the circuit has
    memories that are cells of a part, the bench has a model of them. Raises ValueError without samples, and for samples
    of another shape.
    """
    if len(samples) == 0:
        raise ValueError("a test bench needs a sample at least")
    if emitted.shell.kind not in LIMITS:
        raise ValueError(f"there is no test bench for the shell '{emitted.shell.kind}': emit the circuit without one")
    subject = Subject(design, emitted, check_samples(design.network, samples), stalls, seed)
    if isinstance(emitted.shell, AxiShell):
        return axi_bench(subject, emitted.shell)
    if isinstance(emitted.shell, UartShell):
        return uart_bench(subject, emitted.shell)
    return stream_bench(subject)
