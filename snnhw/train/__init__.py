"""Training with quantisation: what is computed forward is what the circuit computes, integer for integer.

This is the only package of the project that needs PyTorch, which the extra ``train`` installs.

>>> from snnhw.presets import preset
>>> from snnhw.train import TrainOptions, train
>>> model, record = train(preset("mnist-mlp"), load("mnist", "train"), TrainOptions(epochs=60))  # doctest: +SKIP
"""

from snnhw.train.checkpoint import CheckpointError, read_ended
from snnhw.train.evaluate import evaluate
from snnhw.train.loop import Progress, best_of, new_record, train
from snnhw.train.options import Augmentation, FoldedOptions, TeacherOptions, TrainOptions
from snnhw.train.record import TrainingRecord, plot_record, write_record
from snnhw.train.surrogate import Surrogate

__all__ = [
    "Augmentation",
    "CheckpointError",
    "FoldedOptions",
    "Progress",
    "Surrogate",
    "TeacherOptions",
    "TrainOptions",
    "TrainingRecord",
    "best_of",
    "evaluate",
    "new_record",
    "plot_record",
    "read_ended",
    "train",
    "write_record",
]
