"""What can be chosen about a training."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, SerializeAsAny, model_validator

from snnhw.kinds import Frozen, Kind, by_kind, register
from snnhw.train.surrogate import Surrogate

__all__ = [
    "Augmentation",
    "CountCrossEntropy",
    "CountError",
    "CrossEntropy",
    "FoldedOptions",
    "Loss",
    "RateCrossEntropy",
    "TeacherOptions",
    "TrainOptions",
    "VoteError",
]

_SIDE = 28
"""Pixels of the images that the defaults of an augmentation are for."""


class Loss(Kind):
    """What training makes as small as it can."""

    TWINS: ClassVar[tuple[str, ...]] = ("training",)

    of_spikes: ClassVar[bool] = False
    """Whether it looks at the spikes of the last layer, which then must fire, one neuron or population a class."""


class CrossEntropy(Loss):
    """Cross-entropy of the logits, which are the scores times a factor that is learned."""

    kind: Literal["cross_entropy"] = "cross_entropy"


class RateCrossEntropy(Loss):
    """Cross-entropy of the spikes of each step, as snnTorch's ce_rate_loss takes it."""

    of_spikes: ClassVar[bool] = True

    kind: Literal["ce_rate"] = "ce_rate"


class CountCrossEntropy(Loss):
    """Cross-entropy of the numbers of spikes, as snnTorch's ce_count_loss takes it."""

    of_spikes: ClassVar[bool] = True

    kind: Literal["ce_count"] = "ce_count"


class CountError(Loss):
    """Squared distance of the numbers of spikes from parts of the steps, as snnTorch's mse_count_loss takes it."""

    model_config = ConfigDict(strict=True)

    of_spikes: ClassVar[bool] = True

    kind: Literal["mse_count"] = "mse_count"
    correct_rate: float = Field(default=1.0, ge=0, le=1)
    """Of the steps in which the right class is to spike."""
    incorrect_rate: float = Field(default=0.0, ge=0, le=1)


class VoteError(Loss):
    """Squared distance of the mean vote of each class, over its neurons and all steps, from 1 or 0 (Wu et al. 2019)."""

    of_spikes: ClassVar[bool] = True

    kind: Literal["mse_vote"] = "mse_vote"


register(CrossEntropy, training="snnhw.train.loss:cross_entropy")
register(RateCrossEntropy, training="snnhw.train.loss:ce_rate")
register(CountCrossEntropy, training="snnhw.train.loss:ce_count")
register(CountError, training="snnhw.train.loss:mse_count")
register(VoteError, training="snnhw.train.loss:mse_vote")


class Augmentation(Frozen):
    """How far training images are deformed at most, each image by a draw of its own.

    Rotation, zoom, shear and shift are uniform within plus and minus what is given. The elastic part moves the points
    of a grid of ``elastic_nodes`` x ``elastic_nodes`` over the image by normal deviates, and what lies between by
    cubic interpolation. The defaults are for images of 28 x 28 pixels. Frames of events are shifted only, by whole
    pixels, all steps alike.
    """

    model_config = ConfigDict(strict=True)

    rotation: float = Field(default=10.0, ge=0, le=180)
    """Degrees."""
    zoom: float = Field(default=0.1, ge=0, lt=1)
    """Part of the size, of width and height by themselves."""
    shear: float = Field(default=0.1, ge=0, lt=1)
    """Horizontal shift of a row, as a part of its distance from the middle."""
    shift: float = Field(default=1.0, ge=0)
    """Pixels."""
    elastic: float = Field(default=0.6, ge=0)
    """Pixels: the standard deviation of a grid point's move, in each direction."""
    elastic_nodes: int = Field(default=6, ge=2, le=64)

    def of_size(self, height: int, width: int) -> Augmentation:
        """What suits images of this size where this one suits those of 28 x 28 pixels.

        Lengths are in proportion to the smaller side. Where that has less than 28 pixels, the whole deformation is
        gentler in the same proportion: of the little detail of coarse images, sampling them anew leaves less.
        """
        scale = min(height, width) / _SIDE
        part = min(1.0, scale)
        return self.model_copy(
            update={
                **{name: getattr(self, name) * scale * part for name in ("shift", "elastic")},
                **{name: getattr(self, name) * part for name in ("rotation", "zoom", "shear")},
            }
        )

    def of_frames(self) -> Augmentation:
        """What remains of this one where samples are frames of events."""
        return Augmentation(rotation=0.0, zoom=0.0, shear=0.0, shift=float(round(self.shift)), elastic=0.0)


class TeacherOptions(Frozen):
    """How the teacher is trained, which precedes the network, and how much it has to say."""

    model_config = ConfigDict(strict=True)

    epochs: int = Field(default=6, ge=1)
    width: int = Field(default=1, ge=1, le=16)
    """So many times the usual channels and hidden neurons."""
    weight: float = Field(default=0.5, gt=0, le=1)
    """The part of the loss that is the difference from the teacher; the rest is that from the labels."""
    temperature: float = Field(default=2.0, gt=0, allow_inf_nan=False)
    """What logits are divided by before they are compared."""


class FoldedOptions(Frozen):
    """How a network is trained before time: with its steps folded away, see :mod:`snnhw.train.folded`."""

    model_config = ConfigDict(strict=True)

    epochs: int = Field(default=30, ge=1)
    learning_rate: float = Field(default=0.012, gt=0, allow_inf_nan=False)
    """As that of the training through time: at the start, falling to 0 over these epochs."""


Decay = Annotated[float, Field(ge=0, lt=1)]


def _pair(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value  # as JSON has it


def _sorted(by_layer: dict[str, float]) -> dict[str, float]:
    return dict(sorted(by_layer.items()))


class TrainOptions(Frozen):
    """The options of a training; a change of any of them gives other integers.

    ``batch_size``, ``validation`` and ``augment`` are fitted to the dataset where they are not given: their defaults
    are for images by the ten thousand, see :func:`snnhw.train.split.fitted`.
    """

    model_config = ConfigDict(strict=True)

    epochs: int = Field(default=60, ge=0)
    """Through time; those of ``folded`` come before, and may be all."""
    batch_size: int = Field(default=256, ge=1)
    """Samples of an optimiser's step; of few samples the default becomes a smaller power of 2."""
    learning_rate: float = Field(default=0.005, gt=0, allow_inf_nan=False)
    """Of Adam at the start: for weights as a part of the largest that their bits allow, for biases and neurons'
    parameters as a part of their usual size."""
    betas: Annotated[tuple[Decay, Decay], BeforeValidator(_pair)] = (0.9, 0.99)
    """Of Adam: which part of its averages of gradients and of their squares is kept at each step."""
    schedule: Literal["cosine", "constant"] = "cosine"
    """Whether the learning rate falls to 0 along a cosine, or stays as it is at the start."""
    seed: int = Field(default=0, ge=0, lt=1 << 63)
    """Of initial weights, order of samples, augmentation and dropout."""
    validation: int = Field(default=5000, ge=0)
    """Number of samples at the end of the data that are not trained on, and tell which epoch is best; with 0, it is the
    last. The default is at most a twelfth of the samples."""
    initial_gain: float = Field(default=0.6, gt=0, allow_inf_nan=False)
    """The spread of a layer's current at the start, as a part of its threshold; thresholds that are learned, or the
    weights, follow. Of training on counts it is another."""
    keep: Literal["best", "last"] = "best"
    """Which epoch's integers the model has: those that validate best, the later of two that do; or the last. Where most
    epochs differ by the noise of validation alone, the best is one of luck, and the last, of the smallest rate, better.
    """
    augment: Augmentation | None = Augmentation()
    """None trains on the samples as they are, as does the default where they are neither images nor frames of events;
    where they are, it becomes that of their size."""
    teacher: TeacherOptions | None = None
    """None learns from the labels alone; a teacher needs images."""
    folded: FoldedOptions | None = None
    """None trains through time from the start; else counts of spikes are trained first, which is faster, and asks for
    neurons without leak that subtract their thresholds."""
    spike_penalty: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    """What 100,000 synaptic operations add to the loss of a sample: every spike counts as the neurons it reaches."""
    dropout: Annotated[dict[str, Annotated[float, Field(ge=0, lt=1)]], AfterValidator(_sorted)] = Field(default={})
    """By layer, the probability with which each of its neurons is dropped from a training sample, for all steps; a
    layer that is not named drops nothing, and the last one cannot. See :mod:`snnhw.train.dropout`."""
    loss: Annotated[SerializeAsAny[Loss], by_kind(Loss)] = CrossEntropy()
    surrogate: Surrogate = Surrogate(kind="atan", slope=1.0)
    average: float = Field(default=0.999, ge=0, lt=1)
    """The integers are those of a running average of the latent numbers, which this part of is kept at each step."""
    threads: int = Field(default=2, ge=1, le=1024)
    """How many threads work. With more than one, one of them makes the next batch, so that 1 and 2 give the same
    integers; any other number may round otherwise. Threads that share a sum wait for each other, which on a busy
    machine takes far longer than they save."""

    @model_validator(mode="after")
    def _check(self) -> TrainOptions:
        if not self.epochs and self.folded is None:
            raise ValueError("epochs may only be 0 after epochs of counts, which 'folded' gives")
        return self

    def __hash__(self) -> int:
        return hash(self.model_dump_json())

    @property
    def prefetches(self) -> bool:
        """Whether a thread of its own makes the next batch."""
        return self.threads > 1
