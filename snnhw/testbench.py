"""A self-checking test bench in Verilog-2005 for an emitted circuit, with its vectors: for any simulator."""

from __future__ import annotations

from importlib.resources import files
from string import Template
from textwrap import indent

import numpy as np
from numpy.typing import NDArray

from golden.network import Result
from snnhw.implementation import Implementation, address_width
from snnhw.interface import Interface, PayloadField, StreamPort
from snnhw.network import Network
from snnhw.shell import PLAIN
from snnhw.simulate.samples import pack
from snnhw.simulate.simulation import patience
from snnhw.verilog import declaration, instantiation

QUIET_CYCLES = 64
"""Cycles after the last result in which no other may come."""


class _Bench(Template):
    """Text with places named "`{place}": the dollar is Verilog's own."""

    delimiter = "`"


def testbench(
    network: Network,
    implementation: Implementation,
    interface: Interface,
    samples: NDArray[np.uint8],
    result: Result,
    *,
    stalls: bool = True,  # noqa: PT028 (no test, in spite of its name)
    seed: int = 1,  # noqa: PT028
) -> dict[str, str]:
    """The files of a test bench by name: ``TOP_tb.v``, and the vectors that it reads from the folder it runs in.

    ``samples`` are uint8 [B, *sample_shape], ``result`` what golden made of them, ``interface`` that of the emitted
    circuit. The bench sends all samples, compares the class and every score of each, prints what differs, and ends
    with one line, ``PASS: B of B samples`` or ``FAIL: ...``. With ``stalls`` source and sink pause at random, and
    ``seed`` (32 bits) chooses how; both are parameters of the module too, STALLS and SEED. Raises ValueError without
    samples, for samples of another shape, and for the result of other samples.
    """
    if len(samples) == 0 or len(result.classes) != len(samples):
        raise ValueError(
            f"a test bench needs samples with a result each, not {len(samples)} with {len(result.classes)}"
        )
    beats = pack(network, interface.sample, samples)
    sent = [sum(int(word) << 32 * i for i, word in enumerate(row)) for row in beats.words]
    top, sample_port, result_port = interface.top, interface.sample, interface.result
    bench = _Bench(files("snnhw").joinpath("testbench.v").read_text()).substitute(
        top=top,
        stalls=int(stalls),
        seed=f"32'd{seed & 0xFFFFFFFF}",
        samples=len(samples),
        beats=len(sent),
        patience=min(patience(network, implementation), (1 << 31) - 1),
        quiet=QUIET_CYCLES,
        sample_width=sample_port.width,
        result_width=result_port.width,
        sample_bits=address_width(len(samples) + 1),
        beat_bits=address_width(len(sent) + 1),
        junk=_junk(sample_port.width),
        declarations=indent(_declarations(interface), "  "),
        circuit=indent(instantiation(interface, "circuit"), "  ").rstrip(),
        comparisons=indent("\n".join(_comparison(field) for field in result_port.fields), "      "),
    )
    return {
        f"{top}_tb.v": bench,
        f"{top}_tb_samples.hex": _hex_lines(sent, sample_port.width),
        f"{top}_tb_results.hex": _hex_lines(_expected(result_port, result), result_port.width),
    }


def _expected(port: StreamPort, result: Result) -> list[int]:
    """The payload of each sample's result."""
    values = {"class": result.classes[:, None], "scores": result.scores}
    words = [0] * len(result.classes)
    for field in port.fields:
        mask = (1 << field.width) - 1
        for sample, numbers in enumerate(values[field.name].tolist()):
            for lane, number in enumerate(numbers):
                words[sample] |= (number & mask) << (field.offset + lane * field.width)
    return words


def _hex_lines(words: list[int], width: int) -> str:
    """A line for each word, as ``$readmemh`` reads them."""
    digits = -(-width // 4)
    return "".join(f"{word:0{digits}x}\n" for word in words)


def _junk(width: int) -> str:
    """A Verilog expression of that width made from the 32 bits of ``random``."""
    whole, rest = divmod(width, 32)
    parts = [f"random[{rest - 1}:0]"] * (rest > 0) + [f"{{{whole}{{random}}}}"] * (whole > 0)
    return f"{{{', '.join(parts)}}}"


def _declarations(interface: Interface) -> str:
    """The signals that the circuit's ports are joined with, but for clock and reset."""
    lines = []
    for port in PLAIN.ports(interface)[2:]:
        text = declaration("reg" if port.direction == "input" else "wire", port.name, port.width)
        lines.append(text.replace(";", " = 0;") if port.direction == "input" else text)
    return "\n".join(lines)


def _comparison(field: PayloadField) -> str:
    """Verilog that prints where a field of the result differs from what is wanted."""
    bits = f"[{field.offset} + {field.width} * i +: {field.width}]"
    came, wanted = f"result__payload{bits}", f"wanted{bits}"
    shown = f"$signed({came}), $signed({wanted})" if field.signed else f"{came}, {wanted}"
    label, number = ("score %0d", ", i") if field.name == "scores" else (field.name, "")
    return (
        f"for (i = 0; i < {field.count}; i = i + 1)\n"
        f"  if ({came} !== {wanted})\n"
        f'    $display("sample %0d: {label} is %0d, not %0d", received{number}, {shown});'
    )
