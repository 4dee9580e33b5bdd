"""Bytes made a little wrong: of any file, and within the containers whose checksums would hide what is inside."""

from __future__ import annotations

import gzip
import io
import json
import re
import struct
import zipfile
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np

from snnhw.host.protocol import Decoder

MOST_CHANGES = 4

NUMBERS = (0, 1, 2, 127, 128, 255, 256, 32767, 65535, 65536, (1 << 31) - 1, 1 << 31, (1 << 32) - 1, (1 << 63) - 1)
"""Numbers at the ends of those that a field holds; they and their negatives stand in the place of others."""

WORDS = (
    *(str(number) for number in NUMBERS),
    *("-1", "1e999", "-0.0", "NaN", "1" * 400, "null", "true", '""', "[]", "{}", "'", '"', "\\u0000", "\\ud800"),
    *(
        "\x00",
        "\r\n",
        "\u2028",
        "\x1b[31m",
        "é",
        "[" * 3000,
        "{'a':" * 500,
        "(" * 300,
        "inf",
        "0x10",
        "1_0",
        "2020-01-01",
    ),
)
"""What stands in the place of a number or a word in a text."""

_TOKEN = re.compile(rb"-?\d+(?:\.\d+)?|[A-Za-z_]\w*|\"[^\"]*\"|[\[\]{}(),:=]")

Mutate = Callable[[bytes, np.random.Generator], bytes]


def mutate(content: bytes, random: np.random.Generator) -> bytes:
    """The content with a few changes: bits, numbers, words, pieces that are gone, doubled or moved."""
    for _ in range(int(random.integers(1, MOST_CHANGES, endpoint=True))):
        change = CHANGES[int(random.integers(len(CHANGES)))]
        content = change(content, random)
    return content


def _place(content: bytes, random: np.random.Generator) -> int:
    """A place, as often among the first bytes, which tell of the others, as anywhere."""
    reach = min(len(content), 64) if random.random() < 1 / 2 else len(content)
    return int(random.integers(reach, endpoint=True))


def _flip(content: bytes, random: np.random.Generator) -> bytes:
    at = _place(content, random)
    return (
        content[:at] + bytes(byte ^ 1 << int(random.integers(8)) for byte in content[at : at + 1]) + content[at + 1 :]
    )


def _truncate(content: bytes, random: np.random.Generator) -> bytes:
    return content[: int(random.integers(len(content), endpoint=True))]


def _insert(content: bytes, random: np.random.Generator) -> bytes:
    at = _place(content, random)
    return content[:at] + random.bytes(int(random.integers(1, 16))) + content[at:]


def _number(content: bytes, random: np.random.Generator) -> bytes:
    """A number of 1, 2, 4 or 8 bytes, in either order."""
    at, size = _place(content, random), int(random.choice([1, 2, 4, 8]))
    number = NUMBERS[int(random.integers(len(NUMBERS)))] * int(random.choice([1, -1])) % (1 << 8 * size)
    return content[:at] + number.to_bytes(size, "little" if random.random() < 1 / 2 else "big") + content[at + size :]


def _word(content: bytes, random: np.random.Generator) -> bytes:
    """A word or number of a text."""
    found = list(_TOKEN.finditer(content[: 1 << 16]))
    if not found:
        return content
    token = found[int(random.integers(len(found)))]
    if random.random() < 1 / 4:
        return content[: token.start()] + content[token.end() :]
    word = WORDS[int(random.integers(len(WORDS)))].encode("utf-8", "surrogatepass")
    return content[: token.start()] + word + content[token.end() :]


def _piece(content: bytes, random: np.random.Generator) -> bytes:
    """A piece that is gone, doubled, or written over another place."""
    start = _place(content, random)
    piece = content[start : start + int(random.integers(1, 64))]
    end, at = start + len(piece), _place(content, random)
    kind = int(random.integers(3))
    if kind == 0:
        return content[:start] + content[end:]
    return content[:at] + piece + content[at + (len(piece) if kind == 1 else 0) :]


CHANGES: tuple[Mutate, ...] = (_flip, _truncate, _insert, _number, _word, _word, _piece)


# Containers: a change inside, and around it everything as it has to be.


def in_zip(content: bytes, random: np.random.Generator) -> bytes:
    """A member of an archive changed."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {member.filename: archive.read(member) for member in archive.infolist()}
    chosen = sorted(members)[int(random.integers(len(members)))]
    kinds = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
    made = io.BytesIO()
    kind = kinds[min(int(random.integers(8)), 3)]
    with zipfile.ZipFile(made, "w") as archive:
        for name, held in members.items():
            # Without a time of its own a member would have that of today.
            archive.writestr(zipfile.ZipInfo(name), mutate(held, random) if name == chosen else held, kind)
    return made.getvalue()


def in_gzip(content: bytes, random: np.random.Generator) -> bytes:
    """What is compressed changed."""
    return gzip.compress(mutate(gzip.decompress(content), random), mtime=0)


def in_png(content: bytes, random: np.random.Generator) -> bytes:
    """The contents of a chunk of a PNG changed, its checksum right."""
    chunks, at = [], 8
    while at < len(content):
        (length,) = struct.unpack_from(">I", content, at)
        chunks.append((content[at + 4 : at + 8], content[at + 8 : at + 8 + length]))
        at += 12 + length
    chosen, made = int(random.integers(len(chunks))), content[:8]
    for index, (kind, held) in enumerate(chunks):
        body = kind + (mutate(held, random) if index == chosen else held)
        made += struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    return made


def in_safetensors(content: bytes, random: np.random.Generator) -> bytes:
    """The header of a safetensors file changed, or one of the texts in it, its length right."""
    length = int.from_bytes(content[:8], "little")
    header, body = content[8 : 8 + length], content[8 + length :]
    if random.random() < 1 / 2:
        document = json.loads(header)
        texts = document["__metadata__"]
        name = sorted(texts)[int(random.integers(len(texts)))]
        texts[name] = mutate(texts[name].encode(), random).decode(errors="replace")
        changed = json.dumps(document).encode()
    else:
        changed = mutate(header, random)
    return len(changed).to_bytes(8, "little") + changed + body


def in_frames(content: bytes, random: np.random.Generator) -> bytes:
    """The contents of frames of a serial line changed, their checks right."""
    made = b""
    for frame in Decoder().feed(content):
        changed = type(frame)(frame.kind, frame.number, mutate(frame.contents, random))
        made += (changed if random.random() < 1 / 2 else frame).encode()
    return made


def in_json(content: bytes, random: np.random.Generator) -> bytes:
    """Any value within a JSON document changed into one of another kind."""
    document = json.loads(content)
    kinds: tuple[Any, ...] = (
        None,
        True,
        -1,
        0,
        1 << 70,
        1e300,
        "",
        "x",
        [],
        {},
        [[]],
        {"kind": "x"},
        [1, "2"],
        float("nan"),
    )
    holder, key = _pick(document, random)
    holder[key] = kinds[int(random.integers(len(kinds)))]
    return json.dumps(document).encode()


def _pick(document: Any, random: np.random.Generator) -> tuple[Any, Any]:
    """A holder of values within a document, and which of them."""
    places: list[tuple[Any, Any]] = []
    open_ones = [document]
    while open_ones:
        holder = open_ones.pop()
        items = list(holder.items() if isinstance(holder, dict) else enumerate(holder))
        places += [(holder, key) for key, _ in items]
        open_ones += [value for _, value in items if isinstance(value, dict | list)]
    return places[int(random.integers(len(places)))]
