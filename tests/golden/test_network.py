"""The whole golden network: hand-computed traces, batches, and what it refuses."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from golden import network as golden
from golden.network import CHUNK, Golden, run
from snnhw.model import Model
from snnhw.network import (
    CountReadout,
    Dense,
    Direct,
    Events,
    IntegrateFire,
    Layer,
    MembraneReadout,
    Network,
    Neuron,
    Spike,
)
from tests import convolutions
from tests.strategies import models, samples


def layer(name: str, units: int, neuron: Neuron, bias: bool = False) -> Layer:
    return Layer(name=name, synapse=Dense(units=units, weight_bits=8), bias=bias, neuron=neuron)


def two_layers(encoder: Any, **neuron: Any) -> Model:
    """Two inputs, two hidden neurons of threshold 10, two integrators."""
    network = Network(
        input_shape=(2,),
        encoder=encoder,
        stages=(layer("hidden", 2, Neuron(threshold=10, **neuron), bias=True), layer("out", 2, Neuron.integrator())),
        readout=MembraneReadout(),
        num_steps=3,
    )
    tensors: dict[str, list[Any]] = {
        "hidden.weight": [[6, -1], [2, 3]],
        "hidden.bias": [1, 0],
        "out.weight": [[1, 10], [-3, 5]],
    }
    return Model.from_tensors(network, tensors)


class TestByHand:
    def test_events_reach_the_next_layer_in_their_own_step(self):
        # hidden: 6+1, 7+1, 8+6-1+1 = 14 fires; 2, 2, 2+5
        result = run(two_layers(Events()), np.array([[[1, 0], [0, 0], [1, 1]]], np.uint8), traces=True)
        hidden, out = result.traces["hidden"], result.traces["out"]
        assert hidden.integrated[:, 0].tolist() == [[7, 2], [8, 2], [14, 7]]
        assert hidden.spike[:, 0].tolist() == [[0, 0], [0, 0], [1, 0]]
        assert hidden.state["membrane"][:, 0].tolist() == [[7, 2], [8, 2], [4, 7]]
        assert out.integrated[:, 0].tolist() == [[0, 0], [0, 0], [1, -3]]
        assert result.scores.tolist() == [[1, -3]]
        assert result.classes.tolist() == [0]
        assert {name: counts[:, 0].tolist() for name, counts in result.events.items()} == {
            "encoder": [1, 0, 2],
            "hidden": [0, 0, 1],
            "out": [0, 0, 0],
        }

    def test_direct_input_is_summed_once_and_applied_at_every_step(self):
        # currents 6*1-1*3+1 = 4 and 2*1+3*3 = 11; membranes 4, 8, 12 and 11, 12, 13 less 10 each time
        result = run(two_layers(Direct()), np.array([[1, 3]], np.uint8), traces=True)
        hidden = result.traces["hidden"]
        assert hidden.integrated[:, 0].tolist() == [[4, 11], [8, 12], [12, 13]]
        assert hidden.state["membrane"][:, 0].tolist() == [[4, 1], [8, 2], [2, 3]]
        assert result.encoded is not None
        assert result.encoded[:, 0].tolist() == [[1, 3]]
        assert result.events["encoder"][:, 0].tolist() == [2]
        assert result.scores.tolist() == [[31, 12]]

    def test_graded_events_weigh_their_value(self):
        residue = two_layers(Direct(), spike=Spike(kind="residue", bits=4))
        result = run(residue, np.array([[1, 3]], np.uint8), traces=True)
        assert result.traces["hidden"].value[:, 0].tolist() == [[0, 1], [0, 2], [2, 3]]
        assert result.scores.tolist() == [[1 * 2 + 10 * 6, -3 * 2 + 5 * 6]]

    def test_bursts_weigh_their_count(self):
        network = Network(
            input_shape=(1,),
            encoder=Events(bits=8),
            stages=(layer("out", 2, Neuron(threshold=10, spike=Spike(kind="count", bound=4))),),
            readout=CountReadout(),
            num_steps=2,
        )
        model = Model.from_tensors(network, {"out.weight": [[1], [2]]})
        assert run(model, np.array([[[25], [9]]], np.uint8)).scores.tolist() == [[3, 6]]


class TestBatches:
    def test_are_larger_than_a_chunk(self):
        model = two_layers(IntegrateFire())
        pixels = np.arange(2 * (CHUNK + 3), dtype=np.uint32).reshape(-1, 2).astype(np.uint8)
        whole = run(model, pixels, traces=True)
        for index in (0, CHUNK - 1, CHUNK, CHUNK + 2):
            single = run(model, pixels[index : index + 1], traces=True)
            assert whole.classes[index] == single.classes[0]
            assert whole.scores[index].tolist() == single.scores[0].tolist()
            assert whole.encoded is not None
            assert single.encoded is not None
            assert whole.encoded[:, index].tolist() == single.encoded[:, 0].tolist()
            for name, trace in whole.traces.items():
                assert trace.integrated[:, index].tolist() == single.traces[name].integrated[:, 0].tolist()
                assert (
                    trace.state["membrane"][:, index].tolist() == single.traces[name].state["membrane"][:, 0].tolist()
                )
            for name, counts in whole.events.items():
                assert counts[:, index].tolist() == single.events[name][:, 0].tolist()

    def test_of_wide_layers_are_computed_in_smaller_chunks(self, monkeypatch):
        model = convolutions.model(convolutions.network(convolutions.conv(4), (2, 9, 9)))
        pixels = np.random.default_rng(0).integers(0, 2, (50, 2, 2, 9, 9), np.uint8)
        assert Golden(model).chunk > len(pixels)
        whole = run(model, pixels, traces=True)
        monkeypatch.setattr(golden, "TOGETHER", 7 * 4 * 7 * 7)
        assert Golden(model).chunk == 7
        parts = run(model, pixels, traces=True)
        assert np.array_equal(whole.scores, parts.scores)
        assert all(np.array_equal(whole.events[name], parts.events[name]) for name in whole.events)
        assert np.array_equal(whole.traces["first"].integrated, parts.traces["first"].integrated)
        monkeypatch.setattr(golden, "TOGETHER", 1)
        assert np.array_equal(run(model, pixels).scores, whole.scores)

    @pytest.mark.slow
    def test_take_memory_by_the_chunk(self):
        def peak(count):
            tracemalloc.start()
            Golden(model).run(pixels[:count], threads=1)
            highest = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            return highest

        model = convolutions.model(convolutions.network(convolutions.conv(16), (1, 32, 32)))
        pixels = np.ones((600, 2, 1, 32, 32), np.uint8)
        assert peak(600) < 1.1 * peak(60)

    @pytest.mark.parametrize("threads", [1, 4])
    def test_do_not_depend_on_threads(self, threads):
        model = two_layers(IntegrateFire())
        pixels = np.arange(6 * CHUNK, dtype=np.uint32).reshape(-1, 2).astype(np.uint8)
        assert (run(model, pixels, threads=threads).scores == run(model, pixels).scores).all()

    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(st.data())
    def test_do_not_depend_on_order_or_company(self, data):
        model = data.draw(models())
        batch = data.draw(samples(model.network, count=3))
        forwards, backwards = run(model, batch), run(model, batch[::-1])
        assert forwards.scores.tolist() == backwards.scores[::-1].tolist()
        assert forwards.scores[1:2].tolist() == run(model, batch[1:2]).scores.tolist()

    @settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(models())
    def test_may_be_empty(self, model):
        result = run(model, np.zeros((0, *model.network.sample_shape), np.uint8), traces=True)
        assert result.scores.shape == (0, model.network.classes)
        assert result.classes.shape == (0,)

    def test_keep_traces_only_when_asked(self):
        result = run(two_layers(Direct()), np.array([[1, 3]], np.uint8))
        assert result.traces == {}
        assert result.encoded is None


class TestRefusals:
    @pytest.mark.parametrize(
        ("given_samples", "message"),
        [
            (np.zeros((1, 3), np.uint8), "uint8 [B, 2], not uint8 [1, 3]"),
            (np.zeros(2, np.uint8), "uint8 [B, 2], not uint8 [2]: put one sample alone into a batch"),
            (np.zeros((1, 2), np.int64), "uint8 [B, 2], not int64 [1, 2]"),
            (np.zeros((1, 2)), "uint8 [B, 2], not float64 [1, 2]"),
        ],
    )
    def test_of_samples_of_another_size_or_kind(self, given_samples, message):
        with pytest.raises(ValueError, match="samples must be") as error:
            run(two_layers(Direct()), given_samples)
        assert message in str(error.value)

    def test_of_events_beyond_their_bits(self):
        with pytest.raises(ValueError, match="events must carry at most 3, not 4"):
            run(two_layers(Events(bits=2)), np.array([[[3, 0], [0, 4], [0, 0]]], np.uint8))


class TestShapes:
    GIVEN = np.arange(60, dtype=np.uint8).reshape(5, 3, 4)

    @staticmethod
    def model(encoder: Any) -> Model:
        """Three by four inputs over two steps, and weights that tell every input apart."""
        network = Network(
            input_shape=(3, 4),
            encoder=encoder,
            stages=(layer("only", 1, Neuron.integrator()),),
            readout=MembraneReadout(),
            num_steps=2,
        )
        return Model.from_tensors(network, {"only.weight": np.arange(1, 13).reshape(1, 12)})

    @pytest.mark.parametrize("shape", [(5, 12), (5, 1, 3, 4), (5, 3, 4, 1), (5, 1, 12, 1)])
    def test_pixels_come_in_their_own_shape(self, shape):
        model = self.model(Direct())
        expected = run(model, self.GIVEN).scores
        assert expected[1, 0] == 2 * sum((12 + i) * (i + 1) for i in range(12))
        assert np.array_equal(run(model, self.GIVEN.reshape(shape)).scores, expected)

    @pytest.mark.parametrize("shape", [(5, 2, 12), (5, 2, 1, 3, 4), (5, 24)])
    def test_events_come_with_their_steps_in_front(self, shape):
        model = self.model(Events(bits=8))
        given = np.arange(120, dtype=np.uint8).reshape(5, 2, 3, 4)
        expected = run(model, given).scores
        assert expected[0, 0] == sum(i * (i % 12 + 1) for i in range(24))
        assert np.array_equal(run(model, given.reshape(shape)).scores, expected)

    @pytest.mark.parametrize(
        ("encoder", "shape", "message"),
        [
            (Direct(), (5, 4, 3), "samples must be uint8 [B, 3, 4], not uint8 [5, 4, 3]"),
            (Direct(), (3, 4), "uint8 [3, 4]: put one sample alone into a batch, sample[None]"),
            (Events(), (2, 5, 3, 4), "put the batch in front of the time steps, samples.swapaxes(0, 1)"),
            (Events(), (5, 3, 12), "samples must be uint8 [B, 2, 3, 4], not uint8 [5, 3, 12]"),
            (Direct(), (), "samples must be uint8 [B, 3, 4], not uint8 []"),
        ],
    )
    def test_other_shapes_are_refused_with_what_is_to_be_done(self, encoder, shape, message):
        with pytest.raises(ValueError, match="samples must be") as error:
            run(self.model(encoder), np.zeros(shape, np.uint8))
        assert message in str(error.value)
        assert "\n" not in str(error.value)
