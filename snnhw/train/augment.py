"""Augmentation: each sample deformed by one draw, a batch at once.

Images are deformed and rounded to 8 bits again. Frames of events are shifted by whole pixels, all steps alike, so that
they stay the events of a camera.
"""

from __future__ import annotations

import math

import torch
from torch import Generator, Tensor
from torch.nn import functional

from snnhw.train.options import Augmentation

__all__ = ["Augmenter", "Shifter"]


class Augmenter:
    """Deforms batches of images uint8 [B, channels * height * width]; what comes in from outside is 0.

    The deformation of a point is linear in the draw: coordinates = coefficients @ basis, where the basis holds the
    plane's coordinates and the influence of each point of the elastic grid. So one product serves the whole batch.
    """

    def __init__(self, options: Augmentation, channels: int, height: int, width: int) -> None:
        self.options = options
        self.channels, self.height, self.width = channels, height, width
        column = (torch.arange(width) * 2 + 1) / width - 1
        row = (torch.arange(height) * 2 + 1) / height - 1
        plane = [column.repeat(height), row.repeat_interleave(width), torch.ones(height * width)]
        self.basis = torch.cat([torch.stack(plane), self._influences()]) if options.elastic else torch.stack(plane)

    def __call__(self, images: Tensor, generator: Generator) -> Tensor:
        """The deformed images, uint8 of the same shape."""
        batch = len(images)
        grid = self._coefficients(batch, generator) @ self.basis
        grid = grid.view(batch, 2, self.height, self.width).permute(0, 2, 3, 1)
        planes = images.view(batch, self.channels, self.height, self.width).float()
        moved = functional.grid_sample(planes, grid, padding_mode="zeros", align_corners=False)
        return moved.round_().clamp_(0, 255).to(torch.uint8).flatten(1)

    def _coefficients(self, batch: int, generator: Generator) -> Tensor:
        """One draw for each image, [batch, 2, basis]: of x and y, how much of each row of the basis."""
        chosen = self.options
        draw = torch.rand((6, batch), generator=generator) * 2 - 1
        angle = draw[0] * math.radians(chosen.rotation)
        zoom_x, zoom_y, shear = 1 + draw[1] * chosen.zoom, 1 + draw[2] * chosen.zoom, draw[3] * chosen.shear
        # A pixel is 2 / width of the range -1 .. 1 that the coordinates count in.
        shift_x, shift_y = draw[4] * (2 * chosen.shift / self.width), draw[5] * (2 * chosen.shift / self.height)
        cosine, sine = angle.cos(), angle.sin()
        x = torch.stack([cosine * zoom_x, (shear - sine) * zoom_x, shift_x], dim=1)
        y = torch.stack([sine * zoom_y, cosine * zoom_y, shift_y], dim=1)
        affine = torch.stack([x, y], dim=1)
        if not chosen.elastic:
            return affine
        pixel = torch.tensor([2 / self.width, 2 / self.height]).view(2, 1)
        moves = torch.randn((batch, 2, chosen.elastic_nodes**2), generator=generator) * (chosen.elastic * pixel)
        return torch.cat([affine, moves], dim=2)

    def _influences(self) -> Tensor:
        """How far each pixel goes along with each point of the elastic grid, [points, height * width]."""
        nodes = self.options.elastic_nodes
        single = torch.eye(nodes**2).view(-1, 1, nodes, nodes)
        size = (self.height, self.width)
        return functional.interpolate(single, size, mode="bicubic", align_corners=True).flatten(1)


class Shifter:
    """Shifts frames of events uint8 [B, num_steps, channels * height * width]; what comes in from outside is none.

    Each sample moves by whole pixels, uniform from ``-shift`` to ``shift`` in each direction, by the same at all steps.
    """

    def __init__(self, shift: int, channels: int, height: int, width: int) -> None:
        self.shift = shift
        self.size = (channels, height, width)

    def __call__(self, frames: Tensor, generator: Generator) -> Tensor:
        """The shifted frames, uint8 of the same shape."""
        batch, steps, _ = frames.shape
        _, height, width = self.size
        surrounded = functional.pad(frames.view(batch, steps, *self.size), [self.shift] * 4)
        moves = torch.randint(2 * self.shift + 1, (batch, 2), generator=generator).tolist()
        return torch.stack(
            [
                sample[..., down : down + height, right : right + width]
                for sample, (down, right) in zip(surrounded, moves, strict=True)
            ]
        ).flatten(2)
