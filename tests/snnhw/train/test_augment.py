from collections import Counter

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from snnhw.train import Augmentation
from snnhw.train.augment import Augmenter, Shifter

STILL = Augmentation(rotation=0, zoom=0, shear=0, shift=0, elastic=0)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def noise(batch: int, channels: int = 1, height: int = 28, width: int = 28) -> Tensor:
    shape = (batch, channels * height * width)
    return torch.randint(0, 256, shape, generator=generator(1), dtype=torch.uint8)


@pytest.mark.parametrize("size", [(1, 28, 28), (3, 8, 12), (2, 5, 1)])
def test_no_deformation_changes_nothing(size: tuple[int, int, int]):
    images = noise(4, *size)
    assert torch.equal(Augmenter(STILL, *size)(images, generator()), images)


def test_results_are_bytes_of_the_same_shape_and_repeat():
    augmenter, images = Augmenter(Augmentation(), 1, 28, 28), noise(6)
    first, again = augmenter(images, generator(5)), augmenter(images, generator(5))
    assert first.dtype == torch.uint8
    assert first.shape == images.shape
    assert torch.equal(first, again)
    assert not torch.equal(first, augmenter(images, generator(6)))


@pytest.mark.parametrize("name", ["rotation", "zoom", "shear", "shift", "elastic"])
def test_each_image_has_a_draw_of_its_own_for_each_deformation(name: str):
    options = STILL.model_copy(update={name: 0.5 if name in ("zoom", "shear") else 3.0})
    image = noise(1).expand(3, -1)
    deformed = Augmenter(options, 1, 28, 28)(image, generator())
    assert len({bytes(one.tolist()) for one in deformed}) == 3


def test_a_shift_is_in_pixels_and_brings_in_darkness():
    image = torch.full((200, 10 * 20), 255, dtype=torch.uint8)
    options = STILL.model_copy(update={"shift": 3.0})
    moved = Augmenter(options, 1, 10, 20)(image, generator()).view(200, 10, 20)
    dark = (moved[:, 5] == 0).sum(dim=1)
    assert 2 <= int(dark.max()) <= 3


def test_a_quarter_turn_is_one():
    augmenter, image = Augmenter(STILL, 1, 4, 4), noise(1, 1, 4, 4)
    quarter = torch.tensor([[[0.0, -1.0, 0.0], [1.0, 0.0, 0.0]]])
    augmenter._coefficients = lambda batch, generator: quarter  # type: ignore[method-assign]
    turned = augmenter(image, generator()).view(4, 4)
    assert torch.equal(turned, torch.rot90(image.view(4, 4), k=1))


def test_channels_move_together():
    image = noise(1, 1, 6, 6)
    both = Augmenter(Augmentation(elastic_nodes=3), 2, 6, 6)(image.repeat(1, 2), generator(3)).view(2, 36)
    assert torch.equal(both[0], both[1])


def test_frames_of_events_are_shifted_by_whole_pixels_alike_at_every_step():
    frames = torch.randint(0, 16, (400, 3, 2 * 5 * 6), dtype=torch.uint8, generator=generator())
    moved = Shifter(1, 2, 5, 6)(frames, generator(1)).view(400, 3, 2, 5, 6)
    surrounded = functional.pad(frames.view(400, 3, 2, 5, 6), [1, 1, 1, 1])
    moves = [
        [
            (down, right)
            for down in range(3)
            for right in range(3)
            if torch.equal(now, old[..., down : down + 5, right : right + 6])
        ]
        for now, old in zip(moved, surrounded, strict=True)
    ]
    assert all(len(found) == 1 for found in moves)
    counts = Counter(found[0] for found in moves)
    assert len(counts) == 9
    assert min(counts.values()) > 20
