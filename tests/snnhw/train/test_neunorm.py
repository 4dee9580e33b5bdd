"""NeuNorm in training: golden's scores, and gradients that reach every tensor."""

import numpy as np
import pytest
import torch

from golden.network import Golden
from snnhw.train.evaluate import scores
from snnhw.train.initial import initialise
from snnhw.train.network import TrainableNetwork
from tests.convolutions import model
from tests.neunorm import FORMS, deep, neunorm


@pytest.mark.parametrize("form", FORMS)
def test_scores_are_goldens(form):
    chosen = model(deep(neunorm(**FORMS[form], stride=2)), seed=7)
    samples = np.random.default_rng(8).integers(0, 256, (60, 4, 5), np.uint8)
    result = Golden(chosen).run(samples)
    assert len(np.unique(result.scores)) > 10
    assert (scores(chosen, samples) == result.scores).all()


@pytest.mark.parametrize("form", FORMS)
def test_every_tensor_is_trained_from_a_start_of_its_own(form):
    """At the start the mean of the channels is subtracted, that is 2**(shift - decay_bits) / channels of each."""
    network = TrainableNetwork(deep(neunorm(**FORMS[form], decay_bits=1, shift=5, auxiliary_bits=7)))
    samples = torch.from_numpy(np.random.default_rng(9).integers(0, 256, (100, 20), np.uint8))
    initialise(network, samples, torch.Generator().manual_seed(1))
    layer = list(network.each_layer())[1]
    numbers = layer.integer("auxiliary").detach().unique().tolist()
    middle = 2 ** FORMS[form].get("position_bits", 1) / 2
    assert numbers == [0.0] if FORMS[form]["form"] == "folded" else numbers == [2**4 / 2 / middle]
    torch.autograd.backward(network(samples).std())
    for name in layer.ranges:
        gradient = layer.get_parameter(name).grad
        assert gradient is not None
        # Where nothing is subtracted yet, numbers of positions change nothing.
        assert bool(gradient.any()) == (name != "position" or FORMS[form]["form"] != "folded")
