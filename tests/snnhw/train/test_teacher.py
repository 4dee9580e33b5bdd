import math

import numpy as np
import pytest
import torch

from snnhw.data import Dataset, load
from snnhw.errors import DatasetError
from snnhw.presets import preset
from snnhw.train import Progress, TeacherOptions, TrainOptions, train
from snnhw.train.teacher import Teacher, distillation, teach

OPTIONS = TrainOptions(epochs=1, batch_size=32, validation=100, threads=1, teacher=TeacherOptions(epochs=2))


def test_distillation_is_the_softened_divergence_times_the_square_of_the_temperature():
    logits, opinion, temperature = [1.0, -2.0, 0.5], [3.0, 0.0, -1.0], 2.0

    def softened(values: list[float]) -> list[float]:
        powers = [math.exp(value / temperature) for value in values]
        return [power / sum(powers) for power in powers]

    own, wanted = softened(logits), softened(opinion)
    expected = sum(p * math.log(p / q) for p, q in zip(wanted, own, strict=True)) * temperature**2
    came = distillation(torch.tensor([logits, opinion]), torch.tensor([opinion, opinion]), temperature)
    assert float(came) == pytest.approx(expected / 2)


def test_a_teacher_learns_and_then_judges_each_image_by_itself():
    dataset = load("sample", limit=600)
    assert dataset.labels is not None
    samples, labels = torch.from_numpy(dataset.images.reshape(600, 784).copy()), torch.from_numpy(dataset.labels.copy())
    teacher, calls = Teacher((1, 28, 28), 10, seed=0), []
    batches = list(zip(samples.split(50), labels.split(50), strict=True))
    teach(teacher, lambda: batches, 3, 12, lambda *call: calls.append(call))
    assert [call[:2] for call in calls] == [(epoch, batch) for epoch in (1, 2, 3) for batch in range(1, 13)]
    with torch.no_grad():
        together, alone = teacher(samples[:20]), teacher(samples[:1])
    assert torch.allclose(together[:1], alone, atol=1e-4)
    with torch.no_grad():
        assert (teacher(samples).argmax(dim=1) == labels).float().mean() > 0.5


def test_the_same_seed_gives_the_same_teacher_and_leaves_the_global_state():
    state = torch.get_rng_state()
    first, again, other = (Teacher((3, 9, 7), 4, seed=seed) for seed in (1, 1, 2))
    images = torch.from_numpy(np.arange(2 * 189, dtype=np.uint8).reshape(2, 189))
    assert first(images).shape == (2, 4)
    assert torch.equal(first(images), again(images))
    assert not torch.equal(first(images), other(images))
    assert torch.equal(torch.get_rng_state(), state)


def test_a_teachers_training_is_reported_and_recorded():
    calls: list[Progress] = []
    _, record = train(preset("mnist-mlp", hidden=16), load("sample", limit=500), OPTIONS, on_progress=calls.append)
    assert [(call.epoch, call.epochs) for call in calls if call.batch == 13 and call.teacher] == [(1, 2), (2, 2)]
    assert not any(call.teacher for call in calls[26:])
    assert record.teacher is not None
    assert record.teacher.validation is not None
    assert record.teacher.validation.total == 100
    assert record.seconds > record.teacher.seconds > 0


def test_a_teacher_changes_what_is_learned():
    dataset, network = load("sample", limit=500), preset("mnist-mlp", hidden=16)
    taught, _ = train(network, dataset, OPTIONS)
    alone, _ = train(network, dataset, OPTIONS.model_copy(update={"teacher": None}))
    assert taught.digest != alone.digest


def test_a_teacher_needs_images():
    dataset = load("sample", limit=200)
    flat = Dataset(dataset.images.reshape(200, 784), dataset.labels, "flat")
    with pytest.raises(DatasetError, match="no images"):
        train(preset("mnist-mlp"), flat, OPTIONS.model_copy(update={"augment": None}))
