import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from snnhw.data import Dataset, load
from snnhw.errors import DatasetError
from snnhw.model import Model
from snnhw.network import (
    PER_NEURON,
    CountReadout,
    Dense,
    Direct,
    Events,
    FirstSpikeReadout,
    Layer,
    Leak,
    MembraneReadout,
    Network,
    Neuron,
    Range,
    Spike,
    VoteReadout,
)
from snnhw.train import (
    Augmentation,
    CheckpointError,
    Progress,
    TeacherOptions,
    TrainingRecord,
    TrainOptions,
    best_of,
    plot_record,
    train,
    write_record,
)
from snnhw.train.split import fitted, image_size

OPTIONS = TrainOptions(epochs=3, batch_size=64, seed=7, validation=100, threads=1)
TAUGHT = OPTIONS.model_copy(update={"teacher": TeacherOptions(epochs=1)})


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    """A few images; what is trained here is no result, so that the sample may be trained on."""
    return load("sample", limit=500)


def network(
    hidden: Neuron | None = None, output: Neuron | None = None, readout: Any = None, units: int = 10
) -> Network:
    hidden = hidden or Neuron(leak=Leak(kind="shift", bits=2), threshold=256)
    return Network(
        input_shape=(28, 28),
        encoder=Direct(bits=4),
        stages=(
            Layer(name="hidden", synapse=Dense(units=24, weight_bits=4), neuron=hidden),
            Layer(name="output", synapse=Dense(units=units, weight_bits=4), neuron=output or Neuron.integrator()),
        ),
        readout=readout or MembraneReadout(),
        num_steps=4,
    )


def flat(dataset: Dataset) -> Dataset:
    """The same images as rows of numbers."""
    return Dataset(dataset.images.reshape(len(dataset), -1), dataset.labels, "flat")


def course(record: TrainingRecord) -> list[Any]:
    """A record's epochs without the time that they took."""
    return [epoch.model_copy(update={"seconds": 0}) for epoch in record.epochs]


class Interrupted(Exception):
    """Stands for whatever ends a training early."""


def interrupt_at(epoch: int, batch: int) -> Any:
    def watch(progress: Progress) -> None:
        if (progress.epoch, progress.batch, progress.teacher) == (epoch, batch, False) and progress.scored is None:
            raise Interrupted

    return watch


def test_the_same_seed_gives_the_same_integers_and_another_seed_others(dataset: Dataset):
    (first, record), (again, same) = train(network(), dataset, OPTIONS), train(network(), dataset, OPTIONS)
    assert first.digest == again.digest
    assert course(record) == course(same)
    other, _ = train(network(), dataset, OPTIONS.model_copy(update={"seed": 8}))
    assert other.digest != first.digest


@pytest.mark.parametrize("options", [OPTIONS, TAUGHT], ids=["labels", "teacher"])
def test_a_second_thread_that_makes_batches_changes_nothing(dataset: Dataset, options: TrainOptions):
    alone, record = train(network(), dataset, options)
    helped, same = train(network(), dataset, options.model_copy(update={"threads": 2}))
    assert helped.digest == alone.digest
    assert course(record) == course(same)


def rates(options: TrainOptions, dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The learning rate of each step of a training; its betas are those of the options."""
    found: list[float] = []

    class Watched(torch.optim.Adam):
        def step(self, *args: Any, **kwargs: Any) -> Any:
            assert {group["betas"] for group in self.param_groups} == {options.betas}
            found.append(self.param_groups[-1]["lr"])
            return super().step(*args, **kwargs)

    with monkeypatch.context() as patched:
        patched.setattr(torch.optim, "Adam", Watched)
        train(network(), dataset.first(200), options)
    return found


def test_the_rate_falls_or_stays_and_betas_are_those_asked_for(dataset: Dataset, monkeypatch: pytest.MonkeyPatch):
    falling = OPTIONS.model_copy(update={"epochs": 2, "learning_rate": 0.01})
    found = rates(falling, dataset, monkeypatch)
    assert found == sorted(found, reverse=True)
    assert (found[0], len(found)) == (0.01, 4)
    assert found[-1] < 0.002
    staying = falling.model_copy(update={"schedule": "constant", "betas": (0.9, 0.999)})
    assert rates(staying, dataset, monkeypatch) == [0.01] * 4


def test_records_from_before_betas_and_schedule_were_chosen_have_what_was_fixed():
    old = OPTIONS.model_dump(mode="json")
    del old["betas"], old["schedule"]
    assert TrainOptions.model_validate(old) == OPTIONS
    new = OPTIONS.model_copy(update={"betas": (0.5, 0.75)})
    assert TrainOptions.model_validate(json.loads(new.model_dump_json())) == new
    for wrong in ((0.9,), (0.9, 1.0), (-0.1, 0.9)):
        with pytest.raises(ValidationError):
            TrainOptions(betas=wrong)  # type: ignore[arg-type]


def test_the_global_random_state_and_number_of_threads_stay_as_they_were(dataset: Dataset):
    state, threads = torch.get_rng_state(), torch.get_num_threads()
    train(network(), dataset, OPTIONS.model_copy(update={"epochs": 1, "threads": threads + 1}))
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.get_num_threads() == threads


@pytest.mark.slow
@pytest.mark.parametrize("options", [OPTIONS, TAUGHT], ids=["labels", "teacher"])
@pytest.mark.parametrize("moment", [(2, 1), (3, 5)], ids=["between epochs", "within an epoch"])
def test_a_resumed_training_ends_as_an_uninterrupted_one(
    dataset: Dataset, tmp_path: Path, moment: tuple[int, int], options: TrainOptions
):
    whole, record = train(network(), dataset, options)
    checkpoint = tmp_path / "training.ckpt"
    with pytest.raises(Interrupted):
        train(network(), dataset, options, checkpoint=checkpoint, on_progress=interrupt_at(*moment))
    early, early_record = best_of(checkpoint)
    assert course(early_record) == course(record)[: moment[0] - 1]
    assert early.provenance["epoch"] == early_record.kept
    resumed, resumed_record = train(network(), dataset, options, checkpoint=checkpoint)
    assert resumed.digest == whole.digest
    assert course(resumed_record) == course(record)
    assert best_of(checkpoint)[0].digest == whole.digest


def test_a_finished_training_is_not_repeated(dataset: Dataset, tmp_path: Path):
    checkpoint = tmp_path / "training.ckpt"
    model, _ = train(network(), dataset, OPTIONS, checkpoint=checkpoint)
    calls: list[Progress] = []
    again, _ = train(network(), dataset, OPTIONS, checkpoint=checkpoint, on_progress=calls.append)
    assert again.digest == model.digest
    assert calls == []


def test_a_checkpoint_of_another_training_is_refused_with_what_differs(dataset: Dataset, tmp_path: Path):
    checkpoint = tmp_path / "training.ckpt"
    train(network(), dataset, OPTIONS, checkpoint=checkpoint)
    with pytest.raises(CheckpointError, match=r"options.batch_size is 64, not 32"):
        train(network(), dataset, OPTIONS.model_copy(update={"batch_size": 32}), checkpoint=checkpoint)
    with pytest.raises(CheckpointError, match=r"network.stages.0.neuron.threshold is 256, not 255"):
        train(network(Neuron(leak=Leak(kind="shift", bits=2), threshold=255)), dataset, OPTIONS, checkpoint=checkpoint)
    with pytest.raises(CheckpointError, match="dataset_digest"):
        train(network(), dataset.first(450), OPTIONS, checkpoint=checkpoint)


def test_a_damaged_checkpoint_is_refused(dataset: Dataset, tmp_path: Path):
    checkpoint = tmp_path / "training.ckpt"
    train(network(), dataset, OPTIONS.model_copy(update={"epochs": 1}), checkpoint=checkpoint)
    whole = checkpoint.read_bytes()
    for damaged in (b"", b"no checkpoint", whole[: len(whole) // 2]):
        checkpoint.write_bytes(damaged)
        with pytest.raises(CheckpointError, match="remove it to train from the start"):
            best_of(checkpoint)


@pytest.mark.parametrize("pickled", [b".", b"\x80\x02.", b"\x80\x02h\x07.", b"(lp0\n.", b"\x80\x02X\x01"])
def test_a_checkpoint_whose_pickle_is_damaged_is_refused_without_a_warning(tmp_path: Path, pickled: bytes):
    torch.save({"schema": 1}, tmp_path / "whole.ckpt")
    with zipfile.ZipFile(tmp_path / "whole.ckpt") as whole, zipfile.ZipFile(tmp_path / "x.ckpt", "w") as damaged:
        for name in whole.namelist():
            damaged.writestr(name, pickled if name.endswith("data.pkl") else whole.read(name))
    with pytest.raises(CheckpointError, match=r"x\.ckpt is no checkpoint that can be read"):
        best_of(tmp_path / "x.ckpt")


def test_a_checkpoint_cannot_execute_anything(tmp_path: Path):
    victim = tmp_path / "victim"

    class Payload:
        def __reduce__(self) -> tuple[Any, ...]:
            return (Path.touch, (victim,))

    checkpoint = tmp_path / "training.ckpt"
    torch.save({"schema": 1, "record": "", "state": Payload()}, checkpoint)
    with pytest.raises(CheckpointError):
        best_of(checkpoint)
    assert not victim.exists()


def test_the_epoch_that_validates_best_is_kept_and_later_ones_of_equals(dataset: Dataset):
    model, record = train(network(), dataset, OPTIONS.model_copy(update={"epochs": 6, "learning_rate": 0.1}))
    correct = [epoch.validation.correct for epoch in record.epochs if epoch.validation]
    assert record.kept == 6 - correct[::-1].index(max(correct))
    assert model.provenance["validation"] == {"correct": max(correct), "total": 100}


@pytest.mark.slow
def test_the_last_epoch_is_kept_where_that_is_asked_for(dataset: Dataset):
    options = OPTIONS.model_copy(update={"epochs": 6, "learning_rate": 0.1})
    best, last = (train(network(), dataset, options.model_copy(update={"keep": keep})) for keep in ("best", "last"))
    assert [epoch.validation for epoch in last[1].epochs] == [epoch.validation for epoch in best[1].epochs]
    assert last[1].kept == len(last[1].epochs) != best[1].kept
    assert last[0].digest != best[0].digest


def test_without_validation_the_last_epoch_is_kept(dataset: Dataset):
    model, record = train(network(), dataset, OPTIONS.model_copy(update={"validation": 0, "epochs": 2}))
    assert record.kept == 2
    assert record.samples == 500
    assert [epoch.validation for epoch in record.epochs] == [None, None]
    assert "validation" not in model.provenance


def test_a_test_is_scored_after_each_epoch_and_changes_nothing(dataset: Dataset):
    plain, _ = train(network(), dataset, OPTIONS)
    tested, record = train(network(), dataset, OPTIONS, test=dataset.first(50))
    assert tested.digest == plain.digest
    assert [epoch.test.total for epoch in record.epochs if epoch.test] == [50, 50, 50]


def test_progress_comes_after_each_batch_and_each_epoch(dataset: Dataset):
    calls: list[Progress] = []
    _, record = train(network(), dataset, OPTIONS, on_progress=calls.append)
    batches = [call for call in calls if call.scored is None]
    assert [(call.epoch, call.batch) for call in batches] == [(e, b) for e in (1, 2, 3) for b in range(1, 8)]
    assert {(call.epochs, call.batches) for call in calls} == {(3, 7)}
    assert [call.scored for call in calls if call.scored] == record.epochs
    assert [call.loss for call in batches if call.batch == 7] == pytest.approx([e.loss for e in record.epochs])


FIRING = Neuron(threshold=8)
VARIANTS = {
    "subtracted leak, graded": network(
        Neuron(leak=Leak(kind="subtract", amount=8), threshold=256, spike=Spike(kind="residue", bits=8))
    ),
    "reset to zero, delayed": network(Neuron(threshold=256, reset="zero", reset_delay=True)),
    "bursts, saturation": network(
        Neuron(threshold=128, spike=Spike(kind="count", bound=3), membrane=Range(lo=-512, hi=511))
    ),
    "refractory, no reset": network(Neuron(threshold=256, reset="none", refractory=1)),
    "all learned": network(
        Neuron(leak=Leak(kind="multiply", amount=PER_NEURON, bits=4), threshold=PER_NEURON, initial=PER_NEURON)
    ),
    "spike count": network(output=FIRING, readout=CountReadout()),
    "first spike": network(output=FIRING, readout=FirstSpikeReadout()),
    "vote": network(output=FIRING, readout=VoteReadout(classes=10), units=50),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", VARIANTS)
def test_every_variant_learns(name: str, dataset: Dataset):
    options = TrainOptions(epochs=6, batch_size=16, validation=100, augment=None, threads=1)
    _, record = train(VARIANTS[name], dataset, options)
    assert record.epochs[-1].loss < 0.6 * record.epochs[0].loss
    assert record.best is not None
    assert record.best.validation is not None
    assert record.best.validation.percent > 55


def test_what_neurons_learn_for_themselves_differs_among_them(dataset: Dataset):
    model, _ = train(VARIANTS["all learned"], dataset, OPTIONS)
    for tensor in ("hidden.threshold", "hidden.leak_amount", "hidden.initial"):
        assert len(np.unique(model.tensors[tensor])) > 1, tensor


def test_records_are_written_as_json_that_reads_back(dataset: Dataset, tmp_path: Path):
    model, record = train(network(), dataset, OPTIONS)
    document = json.loads(write_record(record, tmp_path / "training.json").read_text())
    assert TrainingRecord.model_validate(document) == record
    assert document["options"]["seed"] == 7
    assert document["dataset_digest"] == dataset.digest == model.provenance["dataset_digest"]
    assert document["epochs"][0]["validation"]["total"] == 100
    assert set(document["versions"]) == {"python", "snnhw", "torch", "numpy"}


@pytest.mark.parametrize("kept", [0, 3, -1])
def test_a_record_keeps_one_of_its_epochs(dataset: Dataset, kept: int):
    _, record = train(network(), dataset, OPTIONS.model_copy(update={"epochs": 2}))
    with pytest.raises(ValidationError, match=f"kept must be one of the 2 epochs, not {kept}"):
        TrainingRecord.model_validate({**record.model_dump(), "kept": kept})


def test_the_curve_is_drawn_as_png(dataset: Dataset, tmp_path: Path):
    pytest.importorskip("matplotlib")
    _, record = train(network(), dataset, OPTIONS, test=dataset.first(50))
    assert plot_record(record, tmp_path / "training.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(ValueError, match="at least one epoch"):
        plot_record(record.model_copy(update={"epochs": []}), tmp_path / "empty.png")


def test_data_that_does_not_suit_is_refused(dataset: Dataset):
    assert dataset.labels is not None
    with pytest.raises(DatasetError, match="has no labels"):
        train(network(), Dataset(dataset.images, None, "bare"), OPTIONS)
    with pytest.raises(
        DatasetError, match="the labels of shifted go from 1 to 10, and the network has classes 0 to 9: subtract 1"
    ):
        train(network(), Dataset(dataset.images, dataset.labels + 1, "shifted"), OPTIONS)
    with pytest.raises(DatasetError, match="500 samples, and 500 were to be kept"):
        train(network(), dataset, OPTIONS.model_copy(update={"validation": 500}))
    with pytest.raises(DatasetError, match=r"flat are no images but of shape .784., .*: train without augmentation"):
        train(network(), flat(dataset), OPTIONS.model_copy(update={"augment": Augmentation()}))
    with pytest.raises(DatasetError, match="the network takes images of 28 x 28"):
        train(network(), Dataset(dataset.images[:, 1:], dataset.labels, "cut"), OPTIONS)


def test_what_is_no_image_is_not_deformed_unless_asked(dataset: Dataset, caplog: pytest.LogCaptureFixture):
    once = TrainOptions(epochs=1, batch_size=64, seed=7, validation=100, threads=1)
    model, record = train(network(), flat(dataset), once)
    assert record.options.augment is None
    assert [line for line in caplog.messages if "deformed" in line] == [
        "the samples of flat are no images, so none is deformed in training"
    ]
    plain, _ = train(network(), dataset, once.model_copy(update={"augment": None}))
    assert plain.digest == model.digest


@pytest.mark.parametrize(
    ("encoder", "input_shape", "shape", "images"),
    [
        (Direct(bits=4), (8, 8), (8, 8), True),
        (Direct(bits=4), (8, 8), (8, 8, 1), True),
        (Direct(bits=4), (3, 8, 8), (3, 8, 8), True),
        (Direct(bits=4), (8, 8, 3), (8, 8, 3), False),
        (Direct(bits=4), (64,), (64,), False),
        (Direct(bits=4), (64,), (1, 64), False),
        (Events(), (8,), (8, 8), False),
    ],
)
def test_images_have_rows_and_columns_of_pixels(encoder: Any, input_shape: Any, shape: Any, images: bool):
    chosen = network().model_copy(update={"encoder": encoder, "input_shape": input_shape, "num_steps": 8})
    few = Dataset(np.zeros((24, *shape), np.uint8), np.zeros(24, int), "few")
    assert (fitted(TrainOptions(), chosen, few).augment is not None) == images
    assert fitted(TrainOptions(augment=Augmentation()), chosen, few).augment is not None
    if images:
        assert image_size(chosen, few) == (3 if len(input_shape) == 3 else 1, 8, 8)


@pytest.mark.parametrize(
    ("input_shape", "shift"), [((2, 28, 28), 1), ((2, 128, 128), 5), ((34, 34), 1), ((2, 8, 8), 0), ((700,), None)]
)
def test_frames_of_events_are_shifted_and_no_more(input_shape: tuple[int, ...], shift: int | None):
    chosen = network().model_copy(update={"encoder": Events(bits=4), "input_shape": input_shape, "num_steps": 2})
    few = Dataset(np.zeros((24, 2, *input_shape), np.uint8), np.zeros(24, int), "few")
    still = {"rotation": 0, "zoom": 0, "shear": 0, "elastic": 0}
    usual = fitted(TrainOptions(), chosen, few).augment
    assert usual == (None if shift is None else Augmentation(shift=shift, **still))
    if usual is not None:
        asked = fitted(TrainOptions(augment=Augmentation(shift=3)), chosen, few).augment
        assert asked == Augmentation(shift=3, **still)


def test_frames_of_events_are_trained_on_shifted():
    random = np.random.default_rng(3)
    samples, labels = random.integers(0, 2, (64, 2, 2, 6, 6), np.uint8), random.integers(0, 10, 64)
    chosen = network().model_copy(update={"encoder": Events(), "input_shape": (2, 6, 6), "num_steps": 2})
    few = Dataset(samples, labels, "few")
    digests = [
        train(chosen, few, TrainOptions(epochs=1, threads=1, augment=augment))[0].digest
        for augment in (None, Augmentation(shift=2))
    ]
    assert len(set(digests)) == 2
    assert np.array_equal(few.images, samples)


@pytest.mark.parametrize(
    ("shape", "lengths", "angles"), [((28, 28), 1.0, 1.0), ((7, 14), 0.0625, 0.25), ((56, 60), 2.0, 1.0)]
)
def test_images_are_deformed_as_their_size_asks_unless_told(shape: tuple[int, int], lengths: float, angles: float):
    few, usual = Dataset(np.zeros((24, *shape), np.uint8), np.zeros(24, int), "few"), Augmentation()
    sized = fitted(TrainOptions(), network(), few).augment
    assert sized is not None
    assert (sized.shift, sized.elastic) == (usual.shift * lengths, usual.elastic * lengths)
    assert (sized.rotation, sized.zoom, sized.shear) == (10 * angles, 0.1 * angles, 0.1 * angles)
    assert sized.elastic_nodes == usual.elastic_nodes
    assert fitted(TrainOptions(augment=usual), network(), few).augment == usual


@pytest.mark.parametrize(
    ("samples", "validation", "batch_size"),
    [(60_000, 5000, 256), (90_000, 5000, 256), (6000, 500, 64), (250, 20, 16), (11, 0, 16)],
)
def test_validation_and_batches_suit_the_number_of_samples(samples: int, validation: int, batch_size: int):
    many = Dataset(np.zeros((samples, 1), np.uint8), np.zeros(samples, int), "many")
    usual = fitted(TrainOptions(), network(), many)
    assert (usual.validation, usual.batch_size) == (validation, batch_size)
    given = fitted(TrainOptions(validation=3, batch_size=256), network(), many)
    assert (given.validation, given.batch_size) == (3, 256)


@pytest.mark.parametrize(
    "bad",
    [
        {"epochs": 0},
        {"epochs": 1.5},
        {"epochs": "3"},
        {"batch_size": 0},
        {"learning_rate": 0.0},
        {"learning_rate": float("nan")},
        {"seed": -1},
        {"validation": -1},
        {"average": 1.0},
        {"threads": 0},
        {"teacher": "large"},
        {"teacher": {"weight": 0.0}},
        {"teacher": {"temperature": 0.0}},
        {"augment": {"rotation": -1.0}},
        {"augment": {"elastic_nodes": 1}},
    ],
    ids=str,
)
def test_impossible_options_are_refused(bad: dict[str, Any]):
    with pytest.raises(ValidationError):
        TrainOptions.model_validate(bad)


def test_options_can_be_given_as_plain_data():
    options = TrainOptions.model_validate({"epochs": 5, "augment": {"rotation": 5, "elastic": 0}})
    assert options.augment == Augmentation(rotation=5.0, elastic=0.0)
    assert TrainOptions(augment=None).augment is None


def test_models_are_checked_as_any_other(dataset: Dataset):
    model, _ = train(network(), dataset, OPTIONS)
    assert isinstance(model, Model)
    assert model.network == network()
