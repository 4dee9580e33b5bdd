"""Sets that the user gets: small files in the published formats, byte by byte, and what is damaged in them."""

import struct
from pathlib import Path

import numpy as np
import pytest

from snnhw.data import EVENT_SETS, check_images, folder_of, load, load_events, published
from snnhw.data.catalogue import CIFAR_CLASSES, IMAGE_SETS, RECORDED_SETS
from snnhw.data.recordings import decode_aedat2, decode_aedat3, decode_atis
from snnhw.errors import DatasetError
from snnhw.files import write_atomically
from snnhw.network import Conv2d, CountReadout, Dense, Direct, Layer, Network, Neuron


@pytest.fixture(autouse=True)
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SNNHW_DATA", str(tmp_path))
    return tmp_path


# x = 33, y = 2, brighter, t = 0x010203; x = 0, y = 33, darker, t = 0x7fffff
ATIS = bytes.fromhex("210281020300217fffff")
# The timer runs over between two events of t = 5, and tells so by y = 240.
ATIS_RUN_OVER = bytes.fromhex("010100000500f00000000101000005")

AEDAT2_HEADER = b"#!AER-DAT2.0\r\n# This is a raw AE data file - do not edit\r\n"
# (127 - x) << 8 | (127 - y) << 1 | darker, then microseconds, big-endian: (x, y) = (127, 126), (0, 127), both late.
AEDAT2 = AEDAT2_HEADER + bytes.fromhex("00000002000f424000007f01000f4245")

AEDAT3_HEADER = b"#!AER-DAT3.1\r\n#Format: RAW\r\n#!END-HEADER\r\n"


def packet(events: list[tuple[int, int]], kind: int = 1, overflow: int = 0) -> bytes:
    header = struct.pack("<HHIIIIII", kind, 1, 8, 4, overflow, len(events), len(events), len(events))
    return header + b"".join(struct.pack("<II", *event) for event in events)


# x << 17 | y << 2 | brighter << 1 | valid
AEDAT3_EVENTS = [(127 << 17 | 3 << 2 | 0b11, 100), (5 << 17 | 6 << 2 | 0b01, 120), (9 << 17 | 0b10, 130)]
AEDAT3 = AEDAT3_HEADER + packet(AEDAT3_EVENTS) + packet([(1, 2)], kind=3) + packet([(1 << 17 | 3, 7)], overflow=1)


def rows(recording) -> list[tuple[int, int, int, int]]:
    return list(map(tuple, np.stack([recording.x, recording.y, recording.channel, recording.t], 1).tolist()))


def test_the_format_of_n_mnist():
    assert rows(decode_atis(ATIS, "x")) == [(33, 2, 1, 0x010203), (0, 33, 0, 0x7FFFFF)]
    assert rows(decode_atis(ATIS_RUN_OVER, "x")) == [(1, 1, 0, 5), (1, 1, 0, 5 + 8192)]


def test_aedat_2():
    assert rows(decode_aedat2(AEDAT2, "x")) == [(127, 126, 1, 1_000_000), (0, 127, 0, 1_000_005)]


def test_aedat_3_has_valid_events_of_polarity_and_whole_times():
    assert rows(decode_aedat3(AEDAT3, "x")) == [(127, 3, 1, 100), (5, 6, 0, 120), (1, 0, 1, (1 << 31) + 7)]


def test_a_recording_begins_with_its_first_event():
    events = decode_atis(ATIS, "x").events(34, 34, "x")
    assert np.unravel_index(events.address, (2, 34, 34))[0].tolist() == [1, 0]
    assert events.address.tolist() == [34 * 34 + 2 * 34 + 33, 33 * 34]
    assert events.t.tolist() == [0, 0x7FFFFF - 0x010203]
    assert events.duration == 0x7FFFFF - 0x010203 + 1


DAMAGED = {
    "n-mnist cut": (decode_atis, ATIS[:-1], "x is cut short: 9 bytes, and an event takes 5"),
    "n-mnist empty": (decode_atis, b"", "x is cut short: 0 bytes"),
    "aedat 2 cut": (decode_aedat2, AEDAT2[:-1], "x is damaged: it is no whole recording in AEDAT 2.0"),
    "aedat 2 empty": (decode_aedat2, AEDAT2_HEADER, "x is damaged: it is no whole recording"),
    "aedat 3 as 2": (decode_aedat2, AEDAT3, "x is damaged: it is no whole recording in AEDAT 2.0"),
    "aedat 2 as 3": (decode_aedat3, AEDAT2, "x is damaged: it is no recording in AEDAT 3"),
    "no aedat": (decode_aedat2, b"PK\x03\x04", "x is damaged: it does not begin with #!AER-DAT"),
    "header cut": (decode_aedat2, b"#!AER-DAT2.0\r\n# This", "x is cut short within its header"),
    "aedat 3 cut": (decode_aedat3, AEDAT3[:-1], "x is cut short: a packet has 7 bytes of 8"),
    "packet's header cut": (decode_aedat3, AEDAT3_HEADER + b"\x01\x00", "x is cut short within the header of a packet"),
    "aedat 3 empty": (decode_aedat3, AEDAT3_HEADER, "x is damaged: it holds no events"),
    "more events than room": (
        decode_aedat3,
        AEDAT3_HEADER + struct.pack("<HHIIIIII", 1, 1, 8, 4, 0, 1, 9, 1) + bytes(8),
        "x is cut short: a packet",
    ),
}


@pytest.mark.parametrize("case", DAMAGED)
def test_what_is_damaged_is_refused_by_name(case: str):
    decode, content, message = DAMAGED[case]
    with pytest.raises(DatasetError, match=message):
        decode(content, "x")


def test_events_outside_of_the_sensor_are_refused():
    with pytest.raises(DatasetError, match="x is damaged: it has events outside of 32 x 34 pixels; get it anew"):
        decode_atis(ATIS, "x").events(34, 32, "x")


@pytest.mark.parametrize("name", [*IMAGE_SETS, *RECORDED_SETS])
def test_what_is_missing_is_told_in_one_line(name: str, places: Path):
    ask = load_events if name in EVENT_SETS else load
    with pytest.raises(DatasetError) as told:
        ask(name, "train")
    message = str(told.value)
    assert f"{name} is not on this machine: put " in message
    assert str(places / name) in message
    assert "published at https://" in message


@pytest.fixture
def cifar(monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two records a file: pixels count up from the file's number, red first."""
    monkeypatch.setattr(published, "_CIFAR_RECORDS", 2)
    names = [*(f"data_batch_{number}.bin" for number in range(1, 6)), "test_batch.bin"]
    for number, name in enumerate(names):
        pixels = bytes((number + place) % 256 for place in range(3072))
        write_atomically(folder_of("cifar10") / name, bytes([number]) + pixels + bytes([9]) + pixels[::-1])
    return folder_of("cifar10")


@pytest.mark.usefixtures("cifar")
def test_cifar10_goes_into_a_network_of_three_channels():
    dataset = load("cifar10", "train")
    assert (dataset.images.shape, dataset.labels.tolist()) == ((10, 3, 32, 32), [0, 9, 1, 9, 2, 9, 3, 9, 4, 9])
    assert dataset.images[2, :, 0, :3].tolist() == [[1, 2, 3], [1, 2, 3], [1, 2, 3]]
    assert dataset.images[2, 0, 1, 0] == 33
    assert load("cifar10", limit=1).labels.tolist() == [5]
    layers = (
        Layer(name="first", synapse=Conv2d(channels=2, kernel=3, weight_bits=4), neuron=Neuron(threshold=8)),
        Layer(name="output", synapse=Dense(units=10, weight_bits=4), neuron=Neuron(threshold=8)),
    )
    network = Network(
        input_shape=(3, 32, 32), num_steps=2, encoder=Direct(bits=4), stages=layers, readout=CountReadout()
    )
    assert check_images(dataset, network).shape == (10, 3, 32, 32)


def test_cifar10_that_is_cut_or_damaged_is_refused_by_name(cifar: Path):
    path = cifar / "data_batch_3.bin"
    content = path.read_bytes()
    path.write_bytes(content[:-1])
    with pytest.raises(DatasetError, match=r"data_batch_3\.bin has 6145 bytes of 6146: get it anew"):
        load("cifar10", "train")
    path.write_bytes(b"\x0a" + content[1:])
    with pytest.raises(DatasetError, match=r"data_batch_3\.bin is damaged: a label is 10, of 10 classes"):
        load("cifar10", "train")
    path.unlink()
    with pytest.raises(DatasetError, match="cifar10 is not on this machine"):
        load("cifar10", "train")


def test_n_mnist_goes_by_the_numbers_of_its_files(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(published, "_NMNIST_SAMPLES", {"train": 3, "test": 1})
    for place, content in {"7/00001": ATIS, "0/00003": ATIS, "9/00002": ATIS_RUN_OVER}.items():
        write_atomically(folder_of("n-mnist") / "Train" / f"{place}.bin", content)
    dataset = load_events("n-mnist", "train")
    assert dataset.labels.tolist() == [7, 9, 0]
    frames = dataset.framed(2).images
    assert frames.shape == (3, 2, 2, 34, 34)
    assert np.argwhere(frames[0]).tolist() == [[0, 1, 2, 33], [1, 0, 33, 0]]
    with pytest.raises(DatasetError, match="n-mnist is not on this machine"):
        load_events("n-mnist", "test")
    (folder_of("n-mnist") / "Train/0/00003.bin").unlink()
    with pytest.raises(DatasetError, match=r"Train has 2 \.bin in its folders, and the set 3: unpack it anew"):
        load_events("n-mnist", "train")


def test_cifar10_dvs_is_divided_nine_to_one_in_each_class(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(published, "_DVS_SAMPLES", 10)
    for name in CIFAR_CLASSES:
        for number in range(10):
            write_atomically(folder_of("cifar10-dvs") / name / f"cifar10_{name}_{number}.aedat", AEDAT2)
    train, test = (load_events("cifar10-dvs", split) for split in ("train", "test"))
    assert train.labels.tolist() == [*range(10)] * 9
    assert test.labels.tolist() == [*range(10)]
    assert np.argwhere(test.framed(5).images[3]).tolist() == [[0, 1, 126, 127], [4, 0, 127, 0]]
    cut = folder_of("cifar10-dvs") / "cat" / "cifar10_cat_9.aedat"
    cut.write_bytes(AEDAT2[:-3])
    with pytest.raises(DatasetError, match=r"cifar10_cat_9\.aedat is damaged"):
        load_events("cifar10-dvs", "test").framed(5)


def test_dvs_gesture_is_cut_by_its_labels():
    folder = folder_of("dvs-gesture")
    write_atomically(folder / "trials_to_train.txt", "user01_lab.aedat\n")
    write_atomically(folder / "user01_lab.aedat", AEDAT3)
    labels = folder / "user01_lab_labels.csv"
    write_atomically(labels, "class,startTime_usec,endTime_usec\n11,100,121\n2,2147483648,2147483900\n")
    dataset = load_events("dvs-gesture", "train")
    assert dataset.labels.tolist() == [10, 1]
    frames = dataset.framed(3).images
    assert frames.shape == (2, 3, 2, 128, 128)
    assert np.argwhere(frames[0]).tolist() == [[0, 1, 3, 127], [2, 0, 6, 5]]
    assert np.argwhere(frames[1]).tolist() == [[0, 1, 0, 1]]
    for text, message in (
        ("class\n12,100,121\n", "it must have gestures of classes 1 to 11"),
        ("class\n1,100\n", "a line is not a class, a start and an end"),
        ("class\n", "it must have gestures"),
    ):
        labels.write_text(text)
        with pytest.raises(DatasetError, match=rf"user01_lab_labels\.csv is damaged: {message}"):
            load_events("dvs-gesture", "train")
    labels.unlink()
    with pytest.raises(DatasetError, match=r"cannot read .*user01_lab_labels\.csv: No such file"):
        load_events("dvs-gesture", "train")
    (folder / "trials_to_train.txt").write_text("\n")
    with pytest.raises(DatasetError, match=r"trials_to_train\.txt names no recordings"):
        load_events("dvs-gesture", "train")


def write_shd(path: Path, times, units, labels) -> None:
    h5py = pytest.importorskip("h5py")
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        for name, rows, kind in (("times", times, np.float16), ("units", units, np.uint16)):
            held = file.create_dataset(f"spikes/{name}", (len(rows),), h5py.vlen_dtype(kind))
            for index, row in enumerate(rows):
                held[index] = np.array(row, kind)
        file["labels"] = np.array(labels, np.uint16)


def test_shd_is_divided_in_the_time_that_all_samples_have():
    path = folder_of("shd") / "shd_test.h5"
    write_shd(path, [[0.0, 0.75, 0.75], [1.3125]], [[0, 699, 699], [5]], [19, 0])
    dataset = load_events("shd")
    assert (dataset.shape, dataset.labels.tolist()) == ((700,), [19, 0])
    frames = dataset.framed(4, bits=2).images
    assert frames.shape == (2, 4, 700)
    assert [(*place, int(frames[tuple(place)])) for place in np.argwhere(frames).tolist()] == [
        (0, 0, 0, 1),
        (0, 2, 699, 2),
        (1, 3, 5, 1),
    ]


@pytest.mark.parametrize(
    ("times", "units", "labels"),
    [
        ([[0.0]], [[700]], [1]),
        ([[0.0]], [[1]], [20]),
        ([[0.0]], [[1]], [1, 1]),
        ([[0.0, 0.5], [0.5]], [[1], [1, 2]], [1, 1]),
        ([[-0.5]], [[1]], [1]),
        ([[float("nan")]], [[1]], [1]),
    ],
)
def test_shd_that_is_damaged_is_refused_by_name(times, units, labels):
    path = folder_of("shd") / "shd_test.h5"
    write_shd(path, times, units, labels)
    with pytest.raises(DatasetError, match=r"shd_test\.h5 is damaged: each sample must have as many times as channels"):
        load_events("shd")


def test_shd_that_is_cut_or_no_hdf5_is_refused_by_name():
    path = folder_of("shd") / "shd_test.h5"
    write_shd(path, [[0.0]], [[1]], [1])
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DatasetError, match=r"shd_test\.h5 is damaged, or no HDF5"):
        load_events("shd")
    path.write_bytes(b"a")
    with pytest.raises(DatasetError, match=r"shd_test\.h5 is damaged, or no HDF5"):
        load_events("shd")
