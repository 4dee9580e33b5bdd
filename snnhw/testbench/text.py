"""The text that all test benches have in common: pieces of Verilog, and files of vectors."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib.resources import files
from string import Template
from textwrap import indent

from golden.network import Result
from snnhw.implementation import address_width
from snnhw.interface import PayloadField
from snnhw.testbench.subject import Subject
from snnhw.verilog import declaration, instantiation

_CELLS = "/* verilator lint_off DECLFILENAME */  // the name is that of the part's cell\n"


class _Piece(Template):
    """Text with places named "`{place}": the dollar is Verilog's own."""

    delimiter = "`"


def piece(kind: str, /, **places: object) -> str:
    """The text of ``KIND.v`` in this folder with its places filled; KeyError where one is missing."""
    return _Piece(files("snnhw.testbench").joinpath(f"{kind}.v").read_text()).substitute(places)


def bench(kind: str, subject: Subject, program: Iterable[str], vectors: Iterable[str], **more: object) -> str:
    """The Verilog of a bench: ``KIND.v`` with what every bench has; ``more`` are the places of its own.

    ``program`` are the lines that say what is done one after the other, ``vectors`` the files that are read.
    """
    cells = ""
    if subject.has_spram:
        cells = f"\n{_CELLS}{files('snnhw.simulate').joinpath('spram.v').read_text()}"
    pieces: dict[str, object] = {
        "declarations": _declarations(subject),
        "circuit": instantiation(subject.interface, "circuit", subject.emitted.shell).rstrip(),
        **more,
    }
    return piece(
        kind,
        top=subject.top,
        vectors=", ".join(vectors),
        cells=cells,
        stalls=int(subject.stalls),
        seed=f"32'd{subject.seed & 0xFFFFFFFF}",
        quiet=subject.quiet,
        program=indent("\n".join(program), " " * 4),
        **{name: indent(text, "  ") if isinstance(text, str) else text for name, text in pieces.items()},
    )


def source(subject: Subject, name: str, words: Sequence[int], width: int, **places: str) -> tuple[str, dict[str, str]]:
    """A source of words of so many bits, and the file that it reads."""
    file = f"{subject.top}_tb_{name}.hex"
    text = piece(
        "source",
        name=name,
        file=file,
        width=width,
        count=len(words),
        bits=address_width(len(words) + 1),
        junk=_junk(width),
        **places,
    )
    return text.rstrip(), {file: hex_lines(words, width)}


def load(subject: Subject, words: Sequence[int], width: int, **places: str) -> tuple[str, dict[str, str]]:
    """A source of weights, and the file that it reads."""
    text, vectors = source(subject, "weights", words, width, **places)
    return piece("load", source=text), vectors


def hex_lines(words: Iterable[int], width: int) -> str:
    """A line for each word, as ``$readmemh`` reads them."""
    digits = -(-width // 4)
    return "".join(f"{word:0{digits}x}\n" for word in words)


def _junk(width: int) -> str:
    """A Verilog expression of that width made from the 32 bits of ``random``."""
    whole, rest = divmod(width, 32)
    parts = [f"random[{rest - 1}:0]"] * (rest > 0) + [f"{{{whole}{{random}}}}"] * (whole > 0)
    return f"{{{', '.join(parts)}}}"


def _declarations(subject: Subject) -> str:
    """The signals that the circuit's ports are joined with, but for the first two: clock and reset."""
    lines = []
    for port in subject.emitted.shell.ports(subject.interface)[2:]:
        lines.append(declaration("reg" if port.direction == "input" else "wire", port.name, port.width))
    return "\n".join(lines)


def packed(fields: Sequence[PayloadField], result: Result) -> list[int]:
    """Each sample's result as one number, laid out as the fields say."""
    values = {"class": result.classes[:, None], "scores": result.scores}
    words = [0] * len(result.classes)
    for field in fields:
        mask = (1 << field.width) - 1
        for sample, numbers in enumerate(values[field.name].tolist()):
            for lane, number in enumerate(numbers):
                words[sample] |= (number & mask) << (field.offset + lane * field.width)
    return words


def pauses(clock: str) -> str:
    """Random numbers, and pauses of source and sink."""
    return piece("pauses", clock=clock, random=piece("random", clock=clock).rstrip())


def comparisons(fields: Sequence[PayloadField], sample: str = "received") -> str:
    """Verilog that prints where ``came`` differs from ``wanted``, number by number; ``sample`` counts the samples."""
    return "\n".join(_comparison(field, sample) for field in fields)


def _comparison(field: PayloadField, sample: str) -> str:
    bits = f"[{field.offset} + {field.width} * i +: {field.width}]"
    came, wanted = f"came{bits}", f"wanted{bits}"
    shown = f"$signed({came}), $signed({wanted})" if field.signed else f"{came}, {wanted}"
    label, number = ("score %0d", ", i") if field.name == "scores" else (field.name, "")
    return (
        f"for (i = 0; i < {field.count}; i = i + 1)\n"
        f"  if ({came} !== {wanted})\n"
        f'    $display("sample %0d: {label} is %0d, not %0d", {sample}{number}, {shown});'
    )
