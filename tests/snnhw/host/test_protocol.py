"""Frames and what they hold: noise never becomes an answer, and what follows it is found."""

import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snnhw.errors import DescriptionError
from snnhw.frames import Kind
from snnhw.host.protocol import Answer, Decoder, Frame, Identity, pack_pixels
from tests import circuits
from tests.gateware.harness import examples

FRAMES = st.builds(
    Frame,
    kind=st.integers(0, 15),
    number=st.integers(0, 15),
    contents=st.lists(st.sampled_from([0x7E, 0x7D, 0x5E, 0x5D, 0, 255]), max_size=20).map(bytes),
)
NOISE = st.lists(st.sampled_from([0x7E, 0x7D, 0x5E, 0, 255]), max_size=20).map(bytes)


def identity(**changes: object) -> Identity:
    known = {"version": 1, "digest": "", "inputs": 5, "classes": 3, "pixel_bits": 4, "score_bits": 12}
    return Identity(**{**known, "scores_signed": True, **changes})  # type: ignore[arg-type]


def test_a_frame_by_hand():
    body = bytes([0x27, 0x7E, 0x7D, 0x00])
    check = zlib.crc32(body).to_bytes(4, "little")
    assert not {0x7E, 0x7D} & set(check)
    assert Frame(Kind.CLASSIFY, 7, body[1:]).encode() == b"\x7e\x27\x7d\x5e\x7d\x5d\x00" + check + b"\x7e"


@examples(200)
@given(frames=st.lists(FRAMES, max_size=5), size=st.integers(1, 7))
def test_frames_come_back_however_they_are_cut(frames: list[Frame], size: int):
    octets, decoder, found = b"".join(frame.encode() for frame in frames), Decoder(), []
    for start in range(0, len(octets), size):
        found += decoder.feed(octets[start : start + size])
    assert found == frames
    assert (decoder.received, decoder.rejected) == (len(octets), 0)


@examples(300)
@given(frames=st.lists(FRAMES, min_size=1, max_size=4), data=st.data())
def test_noise_becomes_no_frame_and_the_next_one_is_found(frames: list[Frame], data: st.DataObject):
    octets = bytearray(b"".join(frame.encode() for frame in frames))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(octets) - 1))
        end = min(len(octets), place + data.draw(st.integers(0, 9)))
        octets[place:end] = data.draw(NOISE) or b"\x00"
    following = Frame(Kind.CLASSIFY, 3, b"after it")
    found = Decoder().feed(bytes(octets) + following.encode())
    assert found[-1] == following
    left = iter(frames)
    assert all(frame in left for frame in found[:-1])


@examples(100)
@given(noise=st.binary(max_size=300))
def test_noise_alone_is_no_frame(noise: bytes):
    decoder = Decoder(longest=50)
    assert decoder.feed(noise + b"~" + bytes(200) + b"~") == []
    assert decoder.rejected > 0
    assert decoder.feed(Frame(1, 2).encode()) == [Frame(1, 2)]


def test_an_empty_frame_with_a_check_is_none():
    assert Decoder().feed(b"~" + zlib.crc32(b"").to_bytes(4, "little") + b"~") == []


@pytest.mark.parametrize(
    ("bits", "expected"),
    [(1, "15"), (2, "f3 02"), (4, "ff 80 0c"), (8, "ff f0 00 8f c0")],
)
def test_pixels_by_hand(bits: int, expected: str):
    samples = np.array([[0xFF, 0xF0, 0x00, 0x8F, 0xC0], [0, 0, 0, 0, 0]], np.uint8)
    packed = pack_pixels(identity(pixel_bits=bits), samples)
    by_hand = sum((pixel >> (8 - bits)) << bits * place for place, pixel in enumerate(samples[0].tolist()))
    assert packed[0] == by_hand.to_bytes(-(-5 * bits // 8), "little")
    assert packed[1] == bytes(len(packed[0]))


def test_an_answer_by_hand():
    contents = bytes.fromhex("02 ff07 00f8 ffff 105000")
    assert Answer.decode(identity(), contents) == Answer(2, (2047, -2048, -1), 0x5010)
    unsigned = Answer.decode(identity(scores_signed=False, score_bits=8), bytes.fromhex("01 ff 00 80 000080"))
    assert unsigned == Answer(1, (255, 0, 128), 1 << 23)
    assert Answer.decode(identity(), contents[:-1]) is None
    assert Answer.decode(identity(), contents + b"\0") is None


def test_events_have_no_pixels():
    with pytest.raises(DescriptionError, match="input is events cannot be reached over a UART"):
        Identity.of(circuits.model("events"))


@pytest.mark.parametrize("case", [case for case in circuits.CASES if case != "events"])
def test_an_identity_comes_back(case: str):
    wanted = Identity.of(circuits.model(case))
    contents = (
        b"snn\x01"
        + bytes.fromhex(wanted.digest)
        + wanted.inputs.to_bytes(4, "little")
        + wanted.classes.to_bytes(2, "little")
        + bytes([wanted.pixel_bits, wanted.score_bits, wanted.scores_signed])
    )
    assert Identity.decode(contents) == wanted
    assert wanted.encode() == contents
    for other in (b"snm" + contents[3:], b"snn\x02" + contents[4:], contents[:-1], contents + b"\0", b""):
        assert Identity.decode(other) is None
    for start, end, wrong in [
        (12, 16, bytes(4)),
        (16, 18, bytes(2)),
        (18, 19, b"\3"),
        (19, 20, b"\0"),
        (19, 20, b"\x41"),
    ]:
        impossible = contents[:start] + wrong + contents[end:]
        assert Identity.decode(impossible) is None, "no inputs, no classes, or numbers of no size that there is"


@pytest.mark.parametrize("kind", [bool, float, np.int64])
def test_pixels_of_another_kind_are_refused(kind: type):
    with pytest.raises(ValueError, match=f"^samples must be uint8, not {np.dtype(kind)}"):
        pack_pixels(identity(), np.ones((2, 5), kind))
