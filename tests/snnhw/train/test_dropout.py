"""Dropout: what is dropped, that nothing is left of it in the integers, and what is refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from golden.network import Golden
from snnhw.data import Dataset, load
from snnhw.errors import DescriptionError
from snnhw.network import Dense, Direct, Layer, MembraneReadout, Network, Neuron
from snnhw.train import CheckpointError, FoldedOptions, Progress, TrainingRecord, TrainOptions, train
from snnhw.train.dropout import Dropout
from snnhw.train.folded import FoldedNetwork
from snnhw.train.network import TrainableNetwork

THROUGH_TIME = TrainOptions(
    epochs=2, batch_size=16, seed=3, validation=100, threads=1, augment=None, dropout={"first": 0.1, "second": 0.2}
)
FOLDED = THROUGH_TIME.model_copy(update={"folded": FoldedOptions(epochs=2)})


def without(options: TrainOptions) -> TrainOptions:
    return options.model_copy(update={"dropout": {}})


def layer(name: str, units: int, neuron: Neuron) -> Layer:
    return Layer(name=name, synapse=Dense(units=units, weight_bits=4), neuron=neuron)


def network() -> Network:
    fires = Neuron(threshold="per_neuron")
    stages = (layer("first", 16, fires), layer("second", 12, fires), layer("out", 10, Neuron.integrator()))
    return Network(input_shape=(28, 28), encoder=Direct(bits=4), stages=stages, readout=MembraneReadout(), num_steps=4)


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return load("sample", limit=300)


def course(record: TrainingRecord) -> list[Any]:
    return [epoch.model_copy(update={"seconds": 0}) for epoch in record.epochs]


def draw(probabilities: dict[str, float], seed: int = 1) -> dict[str, torch.Tensor]:
    return dict(Dropout(network(), probabilities).draw(4000, torch.Generator().manual_seed(seed)))


def test_factors_are_0_as_often_as_asked_and_keep_the_mean():
    factors = draw({"second": 0.75, "first": 0.2})
    assert {name: tuple(factor.shape) for name, factor in factors.items()} == {
        "first": (4000, 16),
        "second": (4000, 12),
    }
    for name, probability in (("first", 0.2), ("second", 0.75)):
        values = sorted(set(factors[name].flatten().tolist()))
        assert values == [0, pytest.approx(1 / (1 - probability))]
        dropped = (factors[name] == 0).double()
        assert float(dropped.mean()) == pytest.approx(probability, abs=0.01)
        assert dropped.mean(dim=0).numpy() == pytest.approx(probability, abs=0.04)
        assert dropped.mean(dim=1).std() > 0.05


def test_the_seed_decides_what_is_dropped_and_the_order_of_names_does_not():
    first, again = draw({"first": 0.2, "second": 0.4}), draw({"second": 0.4, "first": 0.2})
    assert all(torch.equal(first[name], again[name]) for name in ("first", "second"))
    assert not torch.equal(first["first"], draw({"first": 0.2}, seed=2)["first"])
    assert draw({"first": 0.0}) == {}
    assert hash(TrainOptions(dropout={"a": 0.1, "b": 0})) == hash(TrainOptions(dropout={"b": 0, "a": 0.1}))


def dropping(made: FoldedNetwork | TrainableNetwork, kept: torch.Tensor) -> torch.Tensor:
    """The scores where neurons of the second layer are kept or not, and what is kept is doubled."""
    return made.run(load_samples(), {"second": (2.0 * kept)[None].expand(30, -1)}).scores


def load_samples() -> torch.Tensor:
    return torch.from_numpy(load("sample", limit=30).images.reshape(30, -1).copy())


@torch.no_grad()
@pytest.mark.parametrize("folded", [False, True], ids=["through time", "folded"])
def test_a_neuron_is_dropped_at_every_step(folded: bool):
    """As if it had no synapses to the next layer, where all others have weights of twice the size."""
    made = FoldedNetwork(network())
    made.initialise(load_samples(), torch.Generator().manual_seed(1))
    made.eval()
    chosen = made if folded else made.unfolded()
    *_, last = chosen.each_layer()
    last.get_parameter("weight").round_().clamp_(-4, 3)
    kept = torch.tensor([1.0, 0, 0, 1, 1, 0, 1, 1, 0, 1, 0, 1])
    whole, thinner = chosen(load_samples()), dropping(chosen, kept)
    last.get_parameter("weight").mul_(2 * kept)
    assert torch.equal(thinner, chosen(load_samples()))
    assert not torch.equal(thinner, whole)


@pytest.mark.slow
@pytest.mark.parametrize("options", [THROUGH_TIME, FOLDED], ids=["through time", "folded"])
def test_the_integers_are_goldens_and_the_seeds(dataset: Dataset, options: TrainOptions):
    model, record = train(network(), dataset, options)
    assert record.best is not None
    assert record.best.validation is not None
    assert dataset.labels is not None
    classes = Golden(model).run(dataset.images[-100:]).classes
    assert record.best.validation.correct == np.sum(classes == dataset.labels[-100:])
    assert len(set(classes.tolist())) > 3
    again, same = train(network(), dataset, options.model_copy(update={"threads": 2}))
    assert (again.digest, course(same)) == (model.digest, course(record))
    other, _ = train(network(), dataset, without(options))
    nothing, _ = train(network(), dataset, options.model_copy(update={"dropout": {"first": 0.0}}))
    assert nothing.digest == other.digest


def test_an_epoch_of_the_same_batches_learns_otherwise(dataset: Dataset):
    once = THROUGH_TIME.model_copy(update={"epochs": 1})
    (model, _), (other, _) = train(network(), dataset, once), train(network(), dataset, without(once))
    assert model.digest != other.digest


class Interrupted(Exception):
    """Stands for whatever ends a training early."""


@pytest.mark.slow
@pytest.mark.parametrize("epoch", [2, 4], ids=["among counts", "through time"])
def test_a_resumed_training_drops_what_an_uninterrupted_one_does(dataset: Dataset, tmp_path: Path, epoch: int):
    whole, record = train(network(), dataset, FOLDED)

    def stop(progress: Progress) -> None:
        if (progress.epoch, progress.batch) == (epoch, 2) and progress.scored is None:
            raise Interrupted

    file = tmp_path / "training.checkpoint"
    with pytest.raises(Interrupted):
        train(network(), dataset, FOLDED, checkpoint=file, on_progress=stop)
    with pytest.raises(CheckpointError, match=r"another training: its options.dropout is \{.*\}, not \{\}"):
        train(network(), dataset, without(FOLDED), checkpoint=file)
    resumed, again = train(network(), dataset, FOLDED, checkpoint=file)
    assert (resumed.digest, course(again)) == (whole.digest, course(record))


@pytest.mark.parametrize(
    ("dropout", "complaint"),
    [
        ({"frist": 0.1}, "dropout: there is no layer 'frist' .did you mean 'first'.*; there are first, second, out"),
        ({"first": 0.1, "out": 0.1}, "dropout: layer 'out' is the last, and no layer gets its events"),
        ({"encoder": 0.0}, "dropout: there is no layer 'encoder'"),
    ],
)
def test_layers_that_cannot_drop_are_named(dataset: Dataset, dropout: dict[str, float], complaint: str):
    with pytest.raises(DescriptionError, match=complaint) as caught:
        train(network(), dataset, THROUGH_TIME.model_copy(update={"dropout": dropout}))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("probability", [1, -0.1, float("nan"), "0.5", True])
def test_what_is_no_probability_below_1_is_refused(probability: Any):
    with pytest.raises(ValidationError, match=r"dropout\.first"):
        TrainOptions(dropout={"first": probability})
