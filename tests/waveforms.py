"""Waveforms read back: each signal's changes, from VCD text and from FST."""

import re
import struct
from collections.abc import Iterator
from pathlib import Path

Changes = dict[str, list[tuple[int, str]]]
"""By the whole name of a signal, the times at which it changed and its bits from then on, the highest first."""

HEADER, GEOMETRY, HIERARCHY, VALUES = 0, 3, 6, 8
"""Kinds of blocks of an FST file that a writer with LZ4 makes."""


def read_vcd(path: Path) -> Changes:
    """The changes in a VCD file of single bits and of vectors."""
    names: dict[str, list[str]] = {}
    widths: dict[str, int] = {}
    changes: Changes = {}
    scopes: list[str] = []
    time = 0
    for line in path.read_text().splitlines():
        if found := re.match(r"\s*\$var \S+ +(\d+) (\S+) (\S+)", line):
            names.setdefault(found[2], []).append(".".join([*scopes, found[3]]))
            widths[found[2]] = int(found[1])
        elif found := re.match(r"\s*\$scope \S+ (\S+)", line):
            scopes.append(found[1])
        elif "$upscope" in line:
            scopes.pop()
        elif line.startswith("#"):
            time = int(line[1:])
        elif found := re.fullmatch(r"(?:b([01]+) |([01]))(\S+)", line):
            value = (found[1] or found[2]).rjust(widths[found[3]], "0")
            for name in names[found[3]]:
                changes.setdefault(name, []).append((time, value))
    return _apart(changes)


def read_fst(path: Path) -> Changes:
    """The changes in an FST file of single bits and of vectors whose values are 0 and 1."""
    blocks = list(_blocks(path.read_bytes()))
    kinds = [kind for kind, _ in blocks]
    assert set(kinds) == {HEADER, GEOMETRY, HIERARCHY, VALUES}
    start, end, e, _, _, variables, handles, written = struct.unpack(">QQ8sQQQQQ", blocks[0][1][:64])
    assert struct.unpack("<d", e)[0] == 2.7182818284590452354
    (hierarchy,) = (block for kind, block in blocks if kind == HIERARCHY)
    names, widths = _hierarchy(_unpacked(hierarchy[8:], int.from_bytes(hierarchy[:8])))
    assert (sum(map(len, names)), len(names), kinds.count(VALUES)) == (variables, handles, written)
    changes: Changes = {}
    for kind, block in blocks:
        if kind == VALUES:
            times, values = _values(block, widths)
            assert (times[0] >= start, times[-1] <= end) == (True, True)
            for same, found in zip(names, values, strict=True):
                for name in same:
                    changes.setdefault(name, []).extend(found)
    return _apart(changes)


def _apart(changes: Changes) -> Changes:
    """The last value of each time, without what repeats the value before it."""
    kept: Changes = {}
    for name, every in changes.items():
        last = list(dict(every).items())
        kept[name] = [it for it, before in zip(last, [(0, ""), *last], strict=False) if it[1] != before[1]]
    return kept


def _blocks(octets: bytes) -> Iterator[tuple[int, bytes]]:
    place = 0
    while place < len(octets):
        length = int.from_bytes(octets[place + 1 : place + 9])
        yield octets[place], octets[place + 9 : place + 1 + length]
        place += 1 + length


def _number(octets: bytes, place: int, signed: bool = False) -> tuple[int, int]:
    """A number in LEB128, and the place after it."""
    value = shift = 0
    while True:
        octet = octets[place]
        value |= (octet & 127) << shift
        place, shift = place + 1, shift + 7
        if octet < 128:
            return (value - (1 << shift) if signed and octet & 64 else value), place


def _unpacked(octets: bytes, size: int) -> bytes:
    """A block of LZ4, by its published description."""
    out = bytearray()
    place = 0

    def more(length: int) -> int:
        nonlocal place
        while length >= 15:
            length += octets[place]
            place += 1
            if octets[place - 1] != 255:
                break
        return length

    while True:
        token = octets[place]
        place += 1
        literals = more(token >> 4)
        out += octets[place : place + literals]
        place += literals
        if place == len(octets):
            assert len(out) == size
            return bytes(out)
        distance = octets[place] | octets[place + 1] << 8
        place += 2
        for _ in range(more(token & 15) + 4):
            out.append(out[-distance])


def _hierarchy(octets: bytes) -> tuple[list[list[str]], list[int]]:
    """The names of each handle's variables, and its width."""
    names: list[list[str]] = []
    widths: list[int] = []
    scopes: list[str] = []
    place = 0

    def text() -> str:
        nonlocal place
        end = octets.index(0, place)
        found, place = octets[place:end].decode(), end + 1
        return found

    while place < len(octets):
        tag, place = octets[place], place + 1
        if tag == 254:  # a scope: kind, name, component
            place += 1
            scopes.append(text())
            text()
        elif tag == 255:
            scopes.pop()
        else:  # a variable: kind, direction, name, width, and the handle whose values it shares
            place += 1
            name = ".".join([*scopes, text().partition(" ")[0]])
            width, place = _number(octets, place)
            shared, place = _number(octets, place)
            if shared:
                names[shared - 1].append(name)
            else:
                names.append([name])
                widths.append(width)
    return names, widths


def _values(block: bytes, widths: list[int]) -> tuple[list[int], list[list[tuple[int, str]]]]:
    """The times of a block, and of each handle its first value and its changes."""
    size, packed, count = struct.unpack(">QQQ", block[-24:])
    assert size == packed
    times, place, now = [], len(block) - 24 - packed, 0
    positions_end = place - 8
    for _ in range(count):
        delta, place = _number(block, place)
        now += delta
        times.append(now)
    positions = positions_end - int.from_bytes(block[positions_end : positions_end + 8])
    _, place = _number(block, 24)
    packed, place = _number(block, place)
    _, place = _number(block, place)
    initial, place = block[place : place + packed].decode(), place + packed
    _, chains = _number(block, place)
    values = []
    for width, chain in zip(widths, _chains(block, chains, positions, positions_end), strict=True):
        values.append([(times[0], initial[:width]), *_changes(chain, width, times)])
        initial = initial[width:]
    assert not initial
    return times, values


def _chains(block: bytes, start: int, positions: int, end: int) -> list[bytes]:
    """What is written of each handle's changes; nothing where there are none."""
    assert block[start : start + 1] == b"4"  # packed by LZ4
    starts: list[int] = []  # of the chains that are there
    owner: list[int | None] = []
    place, offset, shared = positions, 0, 0
    while place < end:
        if not block[place] & 1:
            run, place = _number(block, place)
            owner += [None] * (run >> 1)
            continue
        value, place = _number(block, place, signed=True)
        if value >> 1 > 0:
            offset += value >> 1
            owner.append(len(starts))
            starts.append(start + offset)
        else:  # those of an earlier handle; 0 is once more the same
            shared = -(value >> 1) or shared
            owner.append(owner[shared - 1])
    chains = []
    for begin, after in zip(starts, [*starts[1:], positions], strict=True):
        size, begin = _number(block, begin)
        chains.append(_unpacked(block[begin:after], size) if size else block[begin:after])
    return [b"" if which is None else chains[which] for which in owner]


def _changes(chain: bytes, width: int, times: list[int]) -> Iterator[tuple[int, str]]:
    place = index = 0
    while place < len(chain):
        step, place = _number(chain, place)
        assert not step & 1  # neither x nor z
        if width == 1:
            index += step >> 2
            yield times[index], str(step >> 1 & 1)
        else:
            index += step >> 1
            octets = -(-width // 8)
            bits = f"{int.from_bytes(chain[place : place + octets]):0{8 * octets}b}"
            place += octets
            yield times[index], bits[:width]
