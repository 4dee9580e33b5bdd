"""A user's own data by its path: .npy, .npz and folders of .png, and what is refused."""

import io
import struct
import tracemalloc
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from snnhw import npzfile
from snnhw.data import load
from snnhw.errors import DatasetError

IMAGES = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
LABELS = np.array([3, 7])


def save_png(path: Path, pixels: np.ndarray, mode: str | None = None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(pixels)
    (image.convert(mode) if mode else image).save(path)


def test_npy_without_labels(tmp_path: Path):
    np.save(tmp_path / "mine.npy", IMAGES)
    dataset = load(tmp_path / "mine.npy")
    assert np.array_equal(dataset.images, IMAGES)
    assert dataset.labels is None
    assert dataset.name == str(tmp_path / "mine.npy")


def test_npy_with_labels_beside_it(tmp_path: Path):
    np.save(tmp_path / "mine.npy", IMAGES)
    np.save(tmp_path / "mine_labels.npy", LABELS)
    assert load(str(tmp_path / "mine.npy")).labels.tolist() == [3, 7]
    assert load(tmp_path / "mine.npy", limit=1).labels.tolist() == [3]


def test_npz_with_and_without_labels(tmp_path: Path):
    np.savez_compressed(tmp_path / "both.npz", images=IMAGES, labels=LABELS)
    np.savez(tmp_path / "images.npz", images=IMAGES.astype(np.int64))
    assert load(tmp_path / "both.npz").labels.tolist() == [3, 7]
    assert np.array_equal(load(tmp_path / "images.npz").images, IMAGES)
    assert load(tmp_path / "images.npz").labels is None


def test_images_may_have_any_dimensions(tmp_path: Path):
    np.save(tmp_path / "events.npy", IMAGES.reshape(2, 3, 2, 2))
    assert load(tmp_path / "events.npy").images.shape == (2, 3, 2, 2)


def test_png_in_folders_called_by_label(tmp_path: Path):
    for label, number, pixels in [(7, 2, IMAGES[1]), (3, 1, IMAGES[0]), (3, 2, IMAGES[0])]:
        save_png(tmp_path / str(label) / f"{number}.png", pixels)
    dataset = load(tmp_path)
    assert dataset.labels.tolist() == [3, 3, 7]
    assert np.array_equal(dataset.images, IMAGES[[0, 0, 1]])
    assert load(tmp_path, limit=2).labels.tolist() == [3, 3]


def test_png_together_have_no_labels(tmp_path: Path):
    save_png(tmp_path / "b.PNG", IMAGES[1])
    save_png(tmp_path / "a.png", IMAGES[0])
    dataset = load(tmp_path)
    assert dataset.labels is None
    assert np.array_equal(dataset.images, IMAGES)


@pytest.mark.parametrize("mode", ["L", "P", "LA", "RGB", "RGBA"])
def test_png_that_is_grey_in_any_mode(tmp_path: Path, mode: str):
    save_png(tmp_path / "a.png", IMAGES[1], mode)
    assert np.array_equal(load(tmp_path).images, IMAGES[1:])


def test_png_of_one_bit_is_0_and_255(tmp_path: Path):
    save_png(tmp_path / "a.png", np.array([[0, 255]], np.uint8), "1")
    assert load(tmp_path).images.tolist() == [[[0, 255]]]


@pytest.mark.parametrize(
    ("pixels", "mode"),
    [
        (np.full((2, 2, 3), [1, 2, 3], np.uint8), None),
        (np.full((2, 2, 4), [5, 5, 5, 9], np.uint8), None),
        (np.full((2, 2), 300, np.uint16), None),
    ],
    ids=["colour", "transparent", "16 bits"],
)
def test_png_of_another_kind_is_refused(tmp_path: Path, pixels: np.ndarray, mode: str | None):
    save_png(tmp_path / "a.png", pixels, mode)
    with pytest.raises(DatasetError, match=r"a\.png must be grey, of 8 bits, without transparency"):
        load(tmp_path)


@pytest.mark.parametrize("mode", ["1", "L"])
def test_grey_png_with_a_transparent_colour_is_refused_where_a_pixel_has_it(tmp_path: Path, mode: str):
    image = Image.fromarray(np.array([[0, 255]], np.uint8)).convert(mode)
    image.save(tmp_path / "a.png", transparency=0)
    with pytest.raises(DatasetError, match=r"a\.png must be grey, of 8 bits, without transparency"):
        load(tmp_path)
    Image.fromarray(np.array([[7, 255]], np.uint8)).save(tmp_path / "a.png", transparency=8)
    assert load(tmp_path).images.tolist() == [[[7, 255]]]


def test_png_of_several_sizes_are_refused(tmp_path: Path):
    save_png(tmp_path / "a.png", IMAGES[0])
    save_png(tmp_path / "b.png", IMAGES[0].T.copy())
    with pytest.raises(DatasetError, match=r"b\.png is of 3 x 4 pixels, and others of 4 x 3"):
        load(tmp_path)


def test_a_damaged_png_is_refused(tmp_path: Path):
    save_png(tmp_path / "a.png", IMAGES[0])
    content = (tmp_path / "a.png").read_bytes()
    for damaged in (b"", b"GIF89a", content[:-30]):
        (tmp_path / "a.png").write_bytes(damaged)
        with pytest.raises(DatasetError, match=r"cannot read .*a\.png: .*; save it again"):
            load(tmp_path)


def of_size(width: int, height: int) -> bytes:
    """A .png of a single pixel that says it has more."""
    file = io.BytesIO()
    Image.new("1", (1, 1)).save(file, "PNG")
    header = b"IHDR" + struct.pack(">2I", width, height) + file.getvalue()[24:29]
    return file.getvalue()[:12] + header + struct.pack(">I", zlib.crc32(header)) + file.getvalue()[33:]


@pytest.mark.parametrize(("width", "height"), [(1, 1 << 29), (1 << 29, 1), (10_000, 10_000)])
def test_a_png_that_says_more_than_it_can_hold_is_refused_before_it_takes_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, width: int, height: int
):
    (tmp_path / "a.png").write_bytes(of_size(width, height))
    monkeypatch.setattr(Image.Image, "load", lambda image: pytest.fail("memory was taken"))
    with pytest.raises(DatasetError, match=r"cannot read .*a\.png: (it is cut short: its header says|Image size)"):
        load(tmp_path)


def test_a_png_asks_for_no_more_memory_than_its_file_has(tmp_path: Path):
    """A file makes room for as many bytes as it is asked for, and a chunk may claim any number of them."""
    save_png(tmp_path / "a.png", IMAGES[0])
    whole = (tmp_path / "a.png").read_bytes()
    (tmp_path / "a.png").write_bytes(whole[:33] + b"\x40" + whole[34:])
    tracemalloc.start()
    try:
        assert len(load(tmp_path)) == 1, "its pixels are whole"
        assert tracemalloc.get_traced_memory()[1] < 1 << 26
    finally:
        tracemalloc.stop()


def test_a_folder_is_one_of_both_kinds(tmp_path: Path):
    with pytest.raises(DatasetError, match="holds neither"):
        load(tmp_path)
    save_png(tmp_path / "a.png", IMAGES[0])
    save_png(tmp_path / "1" / "a.png", IMAGES[0])
    with pytest.raises(DatasetError, match="holds both"):
        load(tmp_path)


@pytest.mark.parametrize("beside", ["0/a.png", "a.png", "cat/a.png"])
def test_folders_that_are_called_by_no_number_are_refused(tmp_path: Path, beside: str):
    save_png(tmp_path / beside, IMAGES[0])
    save_png(tmp_path / "dog" / "a.png", IMAGES[0])
    first = "cat" if beside.startswith("cat") else "dog"
    with pytest.raises(DatasetError, match=f"are called by no number, such as {first}: call each by its label, 0, 1, "):
        load(tmp_path)


def test_what_is_no_image_does_not_matter(tmp_path: Path):
    save_png(tmp_path / "0" / "a.png", IMAGES[0])
    save_png(tmp_path / ".hidden" / "a.png", IMAGES[0])
    for name in ("0/.DS_Store", "notes.txt"):
        (tmp_path / name).write_text("nothing")
    (tmp_path / "notes").mkdir()
    dataset = load(tmp_path)
    assert (len(dataset), dataset.notes) == (1, ())


@pytest.mark.parametrize("places", [["0", "1"], ["."]])
def test_files_that_are_no_png_are_left_out_and_said(tmp_path: Path, places: list[str]):
    save_png(tmp_path / places[0] / "a.png", IMAGES[0])
    first = tmp_path / places[-1] / "b.jpg"
    first.parent.mkdir(exist_ok=True)
    first.touch()
    said = f"{first} is no .png and is left out: convert what is an image"
    assert load(tmp_path).notes == (said,)
    first.with_name("c.jpg").touch()
    assert load(tmp_path).notes == (said.replace(" is no", " and 1 more is no"),)


@pytest.mark.parametrize("place", ["0", "."])
def test_what_macos_writes_beside_images_is_left_out_and_said(tmp_path: Path, place: str):
    save_png(tmp_path / place / "a.png", IMAGES[0])
    hidden = tmp_path / place / "._a.png"
    hidden.write_bytes(b"\0\5\x16\7")
    assert load(tmp_path).notes == (
        f"{hidden} is hidden and is left out, as what macOS writes beside images: rename what is an image",
    )


def test_the_labels_of_the_whole_folder_are_known_where_few_images_are_read(tmp_path: Path):
    for label in ("1", "2", "10"):
        save_png(tmp_path / label / f"{label:0>2}.png", IMAGES[0])
    assert load(tmp_path, limit=1).label_range == (1, 10)


def test_what_was_converted_is_said_of_files(tmp_path: Path):
    np.save(tmp_path / "mine.npy", IMAGES > 9)
    np.save(tmp_path / "mine_labels.npy", np.array(["3", "7"]))
    dataset = load(tmp_path / "mine.npy", limit=1)
    assert (dataset.labels.tolist(), dataset.images.max()) == ([3], 255)
    assert [note.partition(" are ")[2].partition(":")[0] for note in dataset.notes] == ["booleans", "text"]


def test_a_folder_may_name_its_splits(tmp_path: Path):
    np.savez(tmp_path / "test.npz", images=IMAGES, labels=LABELS)
    np.save(tmp_path / "train.npy", IMAGES[:1])
    assert len(load(tmp_path, "test")) == 2
    assert len(load(tmp_path, "train")) == 1
    assert load(tmp_path, "train").split == "train"


@pytest.mark.parametrize("suffix", [".npy", ".npz"])
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"nonsense",
        b"\x93NUMPY\x01\x00\x10\x00{",
        b"\x93NUMPY\x01\x00\x10\x00{'''descr: (((((,",
        b"PK\x03\x04" + bytes(40),
    ],
    ids=["empty", "nonsense", "npy", "npy that Python cannot parse", "zip"],
)
def test_damaged_arrays_are_refused(tmp_path: Path, suffix: str, content: bytes):
    (tmp_path / f"x{suffix}").write_bytes(content)
    with pytest.raises(DatasetError, match=rf"^cannot read .*x\{suffix}: .*; save it again$"):
        load(tmp_path / f"x{suffix}")


@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_truncated_arrays_are_refused(tmp_path: Path, suffix: str):
    path = tmp_path / f"x{suffix}"
    if suffix == ".npy":
        np.save(path, IMAGES)
    else:
        np.savez(path, images=IMAGES)
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(DatasetError, match="cannot read"):
        load(path)


def test_pickled_objects_are_never_loaded(tmp_path: Path):
    np.save(tmp_path / "x.npy", np.array([{}, {}], object), allow_pickle=True)
    np.savez(tmp_path / "x.npz", images=np.array([{}, {}], object))
    for name in ("x.npy", "x.npz"):
        with pytest.raises(DatasetError, match=r"cannot read .*; save numbers, not Python's objects$"):
            load(tmp_path / name)


def test_npz_without_images_says_what_it_has(tmp_path: Path):
    np.savez(tmp_path / "x.npz", data=IMAGES, labels=LABELS)
    with pytest.raises(DatasetError, match=r"no array called images \(its arrays: data, labels\)"):
        load(tmp_path / "x.npz")


def test_an_archive_that_grows_too_large_is_refused_before_it_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    np.savez_compressed(tmp_path / "x.npz", images=np.zeros((100, 100, 100), np.uint8))
    monkeypatch.setattr(npzfile, "LARGEST", 1000)
    with pytest.raises(DatasetError, match="unpacks to 1000128 bytes, and 1000 is the most"):
        load(tmp_path / "x.npz")


def test_a_header_that_claims_too_much_is_refused(tmp_path: Path):
    member = io.BytesIO()
    np.lib.format.write_array_header_1_0(member, {"descr": "|u1", "fortran_order": False, "shape": (1 << 50, 2)})
    (tmp_path / "x.npy").write_bytes(member.getvalue() + b"1234")
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        archive.writestr("images.npy", member.getvalue() + b"1234")
    for name in ("x.npy", "x.npz"):
        with pytest.raises(DatasetError, match="cannot read"):
            load(tmp_path / name)


def test_other_files_are_refused(tmp_path: Path):
    (tmp_path / "x.csv").write_text("1,2")
    with pytest.raises(DatasetError, match=r"x\.csv is no dataset: it must be a \.npy, a \.npz or a folder"):
        load(tmp_path / "x.csv")


def test_what_is_not_there_is_named():
    with pytest.raises(DatasetError, match=r"no dataset and no file is called nothing: give one of mnist, fashion"):
        load("nothing")


@pytest.mark.parametrize(("split", "limit"), [("validation", None), ("test", 0), ("test", -1)])
def test_wrong_arguments_are_named(split: str, limit: int | None):
    with pytest.raises(DatasetError, match=r"a split must be one of|at least 1"):
        load("sample", split, limit)
