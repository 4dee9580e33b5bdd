"""Integer arrays become a model unchanged; float arrays one that does what the float network does, within its steps."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from golden.network import run
from snnhw.arrays import from_arrays
from snnhw.errors import DescriptionError, ModelError
from snnhw.model import Model
from snnhw.modelfile import load, save
from snnhw.network import (
    CountReadout,
    Dense,
    Direct,
    Events,
    IntegrateFire,
    Layer,
    Leak,
    MembraneReadout,
    Network,
    Neuron,
    Range,
    Rate,
    Spike,
)
from snnhw.quantise import leak_of_beta

SHAPE = (20, 7, 3)
"""Inputs, hidden and output neurons."""


def rng() -> np.random.Generator:
    return np.random.default_rng(7)


def integers() -> list[np.ndarray]:
    random = rng()
    return [random.integers(-8, 8, (SHAPE[1], SHAPE[0])), random.integers(-8, 8, (SHAPE[2], SHAPE[1]))]


def floats() -> list[np.ndarray]:
    random = rng()
    return [random.normal(size=(SHAPE[1], SHAPE[0])), random.normal(size=(SHAPE[2], SHAPE[1]))]


def pixels(count: int = 200) -> np.ndarray:
    return rng().integers(0, 256, (count, SHAPE[0]), dtype=np.uint8)


def float_network(
    inputs: np.ndarray, weights: list[np.ndarray], steps: int, **numbers: Any
) -> tuple[np.ndarray, np.ndarray]:
    """What a float network makes of constant inputs [B, inputs]: its spikes [steps, B, units] and last membranes.

    Leak, then integration, then a spike at the threshold or above it, then a reset by subtraction.
    """
    hidden_bias, output_bias = numbers.get("biases", (0.0, 0.0))
    membrane = np.zeros((len(inputs), len(weights[0])))
    scores = np.zeros((len(inputs), len(weights[1])))
    spikes = []
    for _ in range(steps):
        membrane = membrane * numbers.get("beta", 1.0) - numbers.get("lost", 0.0)
        membrane = membrane + inputs @ weights[0].T + hidden_bias
        spike = membrane >= numbers["threshold"]
        values = membrane - numbers["threshold"] if numbers.get("residue") else 1.0
        sent = np.where(spike, values, 0.0)
        membrane = membrane - spike * numbers["threshold"]
        scores = scores + sent @ weights[1].T + output_bias
        spikes.append(spike)
    return np.stack(spikes), scores


def test_integers_are_taken_as_they_are():
    weights, biases = integers(), [np.arange(7), np.array([-3, 0, 3])]
    model = Model.from_arrays(
        weights, biases=biases, thresholds=90, leak=Leak(kind="shift", bits=2), num_steps=4, encoder=Direct(bits=4)
    )
    assert model.network == Network(
        input_shape=(20,),
        encoder=Direct(bits=4),
        stages=(
            Layer(
                name="hidden",
                synapse=Dense(units=7, weight_bits=4),
                neuron=Neuron(leak=Leak(kind="shift", bits=2), threshold=90),
            ),
            Layer(name="output", synapse=Dense(units=3, weight_bits=4), neuron=Neuron.integrator()),
        ),
        readout=MembraneReadout(),
        num_steps=4,
    )
    for name, weight, bias in zip(("hidden", "output"), weights, biases, strict=True):
        assert np.array_equal(model.layer(name).weight, weight)
        assert np.array_equal(model.layer(name).bias, bias)
    assert dict(model.provenance) == {}


def test_names_shapes_and_numbers_of_each_neuron():
    weights = dict(zip(("first", "second"), integers(), strict=True))
    thresholds = np.arange(50, 57)
    model = from_arrays(
        weights,
        thresholds={"first": thresholds, "second": 30},
        reset_amounts={"first": thresholds - 7},
        leak=[Leak(kind="subtract", amount=2), Leak(kind="multiply", amount=200, bits=8)],
        initial={"second": [1, 2, 3]},
        reset={"second": "zero"},
        refractory={"first": 2},
        membrane=Range(lo=-500, hi=500),
        weight_bits={"first": 6},
        spike={"first": Spike(kind="residue", bits=5)},
        input_shape=(4, 5),
        readout=CountReadout(),
    )
    first, second = model.network.stages
    assert first.neuron.threshold == "per_neuron"
    assert first.neuron.reset_amount == "per_neuron"
    assert np.array_equal(model.layer("first").parameters["reset_amount"], thresholds - 7)
    assert first.neuron.leak == Leak(kind="subtract", amount=2)
    assert first.neuron.refractory == 2
    assert (first.synapse.weight_range.width, second.synapse.weight_range.width) == (6, 4)
    assert second.neuron.leak == Leak(kind="multiply", amount=200, bits=8)
    assert second.neuron.reset == "zero"
    assert second.neuron.membrane == Range(lo=-500, hi=500)
    assert model.layer("second").parameters["initial"].tolist() == [1, 2, 3]
    assert model.network.sample_shape == (4, 5)


def test_above_the_threshold_is_at_the_next_integer():
    model = from_arrays(integers(), thresholds=90, comparator=">")
    assert model.layer("hidden").parameters["threshold"].tolist() == [91] * 7
    assert model.layer("hidden").parameters["reset_amount"].tolist() == [90] * 7


@pytest.mark.parametrize("options", [{}, {"per_row": True}])
@pytest.mark.parametrize(
    "numbers",
    [
        {"threshold": 1.0},
        {"threshold": 1.3, "beta": 0.75},
        {"threshold": 0.8, "beta": 0.9},
        {"threshold": 1.1, "lost": 0.05},
        {"threshold": 2.0, "residue": True},
        {"threshold": 1.0, "biases": (0.2, -0.1)},
    ],
    ids=str,
)
def test_a_float_network_keeps_its_spikes_and_scores(numbers: dict[str, Any], options: dict[str, Any]):
    steps, weights = 4, floats()
    biases = numbers.get("biases")
    model = from_arrays(
        weights,
        thresholds=numbers["threshold"],
        biases=biases and [np.full(7, biases[0]), np.full(3, biases[1])],
        betas=numbers.get("beta"),
        beta_bits=12,
        leak_amounts=numbers.get("lost"),
        spike=Spike(kind="residue", bits=16) if numbers.get("residue") else None,
        weight_bits=10 if numbers.get("residue") else 14,
        encoder=Direct(bits=4),
        num_steps=steps,
        **options,
    )
    samples = pixels()
    result = run(model, samples, traces=True)
    spikes, scores = float_network((samples >> 4) / 15, weights, steps, **numbers)
    same = (result.traces["hidden"].spike > 0) == spikes
    assert same.mean() > 0.998
    undisturbed = same.all(axis=(0, 2))
    scale = model.provenance["scales"]["output"]
    assert np.abs(result.scores * scale - scores)[undisturbed].max() < 0.005 * np.abs(scores).max()
    assert (result.classes == scores.argmax(axis=1)).mean() > 0.97


def test_weights_that_are_multiples_of_a_step_lose_nothing():
    step, weights = 0.1, integers()
    weights[0][0, 0] = weights[1][0, 0] = -8
    model = from_arrays([np.float32(weight * step) for weight in weights], weight_bits=4, encoder=Events(), num_steps=3)
    exact = from_arrays(weights, thresholds=10, encoder=Events(), num_steps=3)
    assert model.digest == exact.digest


def test_steps_above_the_threshold_lose_nothing():
    weights = integers()
    weights[0][0, 0] = weights[1][0, 0] = -8
    given = [np.float32(weight * 0.1) for weight in weights]
    model = from_arrays(given, weight_bits=4, comparator=">", encoder=IntegrateFire())
    assert model.layer("hidden").parameters["threshold"].tolist() == [11] * 7
    assert model.layer("hidden").parameters["reset_amount"].tolist() == [10] * 7


def test_a_scale_for_each_row_uses_all_bits_of_each_row():
    weights = floats()
    weights[0] *= np.geomspace(0.01, 1, 7)[:, None]
    coarse, fine = (from_arrays(weights, per_row=rows, weight_bits=8) for rows in (False, True))
    assert np.abs(coarse.layer("hidden").weight[0]).max() < 5
    assert (np.abs(fine.layer("hidden").weight).max(axis=1) >= 127).all()
    assert len(fine.provenance["scales"]["hidden"]) == 7
    assert isinstance(fine.provenance["scales"]["output"], float), "scores are compared, so they share a scale"


def test_the_scale_of_the_input_is_the_callers():
    bright, dark = (
        from_arrays(floats(), input_scale=scale).layer("hidden").parameters["threshold"][0] for scale in (0.1, 1)
    )
    assert abs(bright - 10 * dark) <= 10


def test_weights_of_zero_are_a_model():
    assert not from_arrays([np.zeros((2, 3)), np.zeros((2, 2))]).layer("hidden").weight.any()


@pytest.mark.parametrize("per_row", [True, False])
@pytest.mark.parametrize("weights", [[[0.0] * 3, [0.5, 0.25, -0.5]], [[0.0] * 3, [0.0] * 3]], ids=["a row", "all"])
def test_where_weights_are_zero_biases_and_thresholds_keep_their_ratio(weights: list[list[float]], per_row: bool):
    """Counts as the float equations give them: leak .875, a spike above 1, reset by subtraction one step later."""
    model = from_arrays(
        [np.array(weights), 1.5 * np.eye(2)],
        biases={"hidden": [0.4, 0.1]},
        betas=0.875,
        comparator=">",
        reset_delay=True,
        per_row=per_row,
        num_steps=20,
        readout=CountReadout(),
    )
    counts = run(model, np.array([[0, 0, 0], [255, 0, 0]], np.uint8)).scores.tolist()
    assert counts == [[6, 0], [6, 11 if np.any(weights) else 0]]


def test_scores_of_biases_alone_keep_their_ratio():
    model = from_arrays([floats()[0], np.zeros((3, 7))], biases={"output": [0.1, 0.2, 0.3]}, num_steps=2)
    scores = run(model, pixels(1)).scores[0] * model.provenance["scales"]["output"]
    assert np.allclose(scores, [0.2, 0.4, 0.6], rtol=1e-3)


def test_a_threshold_that_is_tiny_beside_the_weights_is_said(caplog: pytest.LogCaptureFixture):
    from_arrays([[[100.0, 50.0], [0.0, 0.0]], np.eye(2)], biases={"hidden": [0, 0.3]}, input_scale=1.0)
    assert [record.getMessage() for record in caplog.records] == [
        "layer 'hidden': 2 thresholds of only 1.3 steps were rounded, 1 biases were rounded to 0; more weight_bits or "
        "per_row=True make its steps finer"
    ]
    caplog.clear()
    from_arrays([[[1.0, -1.0]], [[1.0]]], weight_bits=2, input_scale=1.0)
    assert not caplog.records, "a threshold of a whole number of steps loses nothing"


def test_betas_have_the_bits_that_their_error_asks_for(caplog: pytest.LogCaptureFixture):
    weights, samples = floats(), pixels(300)
    options: dict[str, Any] = {
        "betas": 0.95,
        "thresholds": 2.0,
        "weight_bits": 12,
        "num_steps": 25,
        "readout": CountReadout(),
    }
    spikes, _ = float_network(samples / 255, weights, 25, beta=0.95, threshold=2.0)
    wanted = spikes.sum(axis=0)
    unlike = {}
    for bits in (8, None):
        model = from_arrays(weights, beta_bits=bits, **options)
        came = run(model, samples, traces=True).traces["hidden"].spike.sum(axis=0)
        unlike[bits] = int((came != wanted).any(axis=1).sum())
    assert model.network.stages[0].neuron.leak.bits == model.provenance["betas"]["hidden"]["bits"] == 16
    assert unlike[None] < unlike[8] / 2
    said = caplog.records[-1].getMessage()
    assert "layer 'hidden': 16 bits, off by 3e-06, its membranes by at most" in said
    assert "% of the threshold" in said


def test_the_error_of_betas_is_a_bound():
    weights, samples = floats(), pixels(300)
    options: dict[str, Any] = {"thresholds": 1e3, "weight_bits": 12, "num_steps": 25, "encoder": Direct(bits=8)}
    exact = from_arrays(weights, betas=1.0, **options).layer("hidden").weight
    model = from_arrays(weights, betas=0.9, beta_bits=5, **options)
    membrane = np.zeros((len(samples), SHAPE[1]))
    for _ in range(25):
        membrane = 0.9 * membrane + samples @ exact.T
    came = run(model, samples, traces=True).traces["hidden"].integrated[-1]
    error = model.provenance["betas"]["hidden"]
    off = np.abs(came - membrane).max()
    assert off <= error["rounding"] + error["factor"]
    assert off > (error["rounding"] + error["factor"]) / 20, "a bound that says something"


@pytest.mark.parametrize(
    ("beta", "leak"),
    [
        (0.625, Leak(kind="multiply", bits=3, amount=5)),
        (0.0, Leak(kind="multiply", bits=1, amount=0)),
        (0.75, Leak(kind="shift", bits=2)),
        (1.0, Leak()),
    ],
)
def test_a_beta_that_few_bits_hold_gets_no_more(beta: float, leak: Leak, caplog: pytest.LogCaptureFixture):
    model = from_arrays(floats(), betas=beta)
    assert model.network.stages[0].neuron.leak == leak
    assert "betas" not in model.provenance
    assert not caplog.records


def test_integer_weights_take_betas_too():
    model = from_arrays(integers(), thresholds=90, betas=0.9)
    assert model.network.stages[0].neuron.leak.bits == model.provenance["betas"]["hidden"]["bits"]
    assert model.provenance["betas"]["hidden"]["factor"] <= model.provenance["betas"]["hidden"]["rounding"]


@pytest.mark.parametrize(
    ("beta", "leak", "amounts"),
    [
        (1.0, Leak(), None),
        (0.5, Leak(kind="shift", bits=1), None),
        (0.9375, Leak(kind="shift", bits=4), None),
        (0.0, Leak(kind="multiply", bits=8), [0]),
        (0.9, Leak(kind="multiply", bits=8), [230]),
        ([0.5, 0.9], Leak(kind="multiply", bits=8), [128, 230]),
    ],
)
def test_a_factor_is_a_leak(beta: Any, leak: Leak, amounts: list[int] | None):
    kind, given = leak_of_beta(np.asarray(beta), bits=8)
    assert kind == leak
    assert (None if given is None else np.atleast_1d(given).tolist()) == amounts


BAD: dict[str, tuple[Any, dict[str, Any], str]] = {
    "no layers": ([], {}, "at least one layer"),
    "a vector": ([np.zeros(3)], {}, r"weights of layer 'output' must have shape \[out, in\], not \[3\]"),
    "words": ([[["a"]]], {}, "must be integers or floats, not <U1 such as .*'a'"),
    "infinity": ([[[np.inf]]], {}, "must be finite"),
    "both kinds": ([integers()[0], floats()[1]], {"thresholds": 1}, "all integers or all floats; .* of output"),
    "no threshold": (integers(), {}, "layer 'hidden' has integer weights and needs a threshold"),
    "float threshold": (integers(), {"thresholds": 1.5}, "must be integers as the weights are, not float64"),
    "no such layer": (
        integers(),
        {"thresholds": {"hiden": 3}},
        "layer 'hiden' .did you mean 'hidden'",
    ),
    "threshold of scores": (integers(), {"thresholds": [3, 3]}, "layer 'output' never fires"),
    "too many": (integers(), {"thresholds": [3, 3, 3]}, "one entry for each of hidden, output, not 3"),
    "wrong shape": (integers(), {"thresholds": np.ones(4, int)}, r"one number or have shape \[7\], not \[4\]"),
    "layers apart": (
        [floats()[0], floats()[0]],
        {},
        r"'output' must be \[out, 7\], not \[7, 20\]: they look transposed",
    ),
    "residues apart": (
        [floats()[0], floats()[0]],
        {"spike": Spike(kind="residue", bits=8)},
        r"weights of layer 'output' must be \[out, 7\], not \[7, 20\]",
    ),
    "two leaks": (floats(), {"betas": 0.9, "leak": Leak()}, "either betas or leak"),
    "beta": (floats(), {"betas": 1.2}, r"betas of layer 'hidden' must lie in 0\.\.1, not 1.2"),
    "beta bits": (floats(), {"betas": 0.9, "beta_bits": 17}, r"beta_bits must lie in 1\.\.16, or be None"),
    "bits": (floats(), {"weight_bits": 1}, r"must lie in 2\.\.16, not 1"),
    "wide": ([integers()[0] * 10000, integers()[1]], {"thresholds": 3}, "weight_bits: .* less than or equal to 16"),
    "input scale": (floats(), {"input_scale": 0}, "input_scale must be above 0"),
    "comparator": (floats(), {"comparator": "<"}, "comparator must be '>=' or '>', not '<'"),
    "tiny scale": (
        [floats()[0] * 1e-12, floats()[1]],
        {},
        "'hidden' reach 1, too far from its weights",
    ),
    "steps": (floats(), {"num_steps": 0}, "num_steps: .* greater than or equal to 1, not 0"),
    "too few bits": (integers(), {"thresholds": 3, "weight_bits": 3}, r"must lie in -4\.\.3 \(3 bits\)"),
    "all transposed": (
        [weight.T for weight in floats()],
        {},
        r"the weights are transposed, \[in, out\]: give .T of each, \[out, in\]",
    ),
    "one layer transposed": (
        [floats()[1].T],
        {"input_shape": (1, 7)},
        r"'output' must be \[out, 7\], not \[7, 3\]: they look|weights are transposed",
    ),
    "other inputs": (
        floats(),
        {"input_shape": (3, 7)},
        r"\[out, 21\], not \[7, 20\]; input_shape \[3, 7\] sends",
    ),
    "a matrix alone": (floats()[0], {}, "put that of a single layer into a list"),
    "a state_dict": ({"fc1.weight": floats()[0]}, {}, "give them to Model.from_state_dict"),
    "ragged": ([[[1.0, 2.0], [3.0]]], {}, r"weights of layer 'output' is no array of numbers \("),
    "negative threshold": (floats(), {"thresholds": -0.5}, "thresholds of layer 'hidden' must be above 0, not -0.5"),
    "threshold of 0": (integers(), {"thresholds": 0}, "thresholds of layer 'hidden' must be at least 1, not 0"),
    "threshold above 0": (floats(), {"thresholds": -1, "comparator": ">"}, "'hidden' must be at least 0, not -1"),
    "negative amount": (
        floats(),
        {"reset_amounts": -0.25},
        "reset_amounts of layer 'hidden' must not .*, not -0.25",
    ),
    "negative leak": (floats(), {"leak_amounts": -0.25}, "leak_amounts of layer 'hidden' must not be .*, not -0.25"),
    "NaN beta": (floats(), {"betas": np.nan}, "betas of layer 'hidden' must be finite, and nan is among them"),
    "infinite bias": (floats(), {"biases": {"output": np.inf}}, "biases of layer 'output' must be finite, and inf"),
    "far bias": (floats(), {"biases": {"hidden": 1e12}}, "biases of layer 'hidden' reach 1e[+]12, too far from"),
    "true": (floats(), {"thresholds": True}, "thresholds of layer 'hidden' must be numbers, not bool"),
    "unknown encoder": (floats(), {"encoder": "rates"}, r"encoder: kind must be .* \(did you mean 'rate'\?\)"),
    "no encoder": (floats(), {"encoder": 5}, "encoder: must be a kind or a table with one, not 5"),
    "votes": (floats(), {"readout": "vote"}, "readout: classes: Field required"),
    "unknown leak": (floats(), {"leak": "shfit"}, r"'hidden': leak: .* \(did you mean 'shift'\?\)"),
    "unknown reset": (floats(), {"reset": "sub"}, r"'hidden': reset: .* \(did you mean 'subtract'\?\)"),
    "a long word": (floats(), {"comparator": "x" * 999}, "not 'xxxx"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_is_one_line(case: str):
    weights, options, message = BAD[case]
    with pytest.raises((ModelError, DescriptionError), match=message) as raised:
        from_arrays(weights, **options)
    assert "\n" not in str(raised.value)


def test_an_unknown_option_is_named():
    with pytest.raises(TypeError, match=r"no option 'treshold' \(did you mean 'thresholds'\?\); there are biases"):
        from_arrays(floats(), treshold=1)  # type: ignore[call-arg]


def test_a_word_is_a_kind_with_its_defaults():
    words = from_arrays(floats(), encoder="rate", readout="count", leak="none", spike="binary")
    parts = from_arrays(floats(), encoder=Rate(), readout=CountReadout(), leak=Leak(), spike=Spike())
    assert words.digest == parts.digest
    tables = from_arrays(floats(), encoder={"kind": "rate", "period": 2}, leak={"hidden": {"kind": "shift", "bits": 3}})
    assert tables.network.encoder == Rate(period=2)
    assert tables.network.stages[0].neuron.leak == Leak(kind="shift", bits=3)


def test_integers_of_numpy_are_integers(tmp_path: Path):
    numbers: dict[str, Any] = {"num_steps": 5, "weight_bits": 6, "refractory": 2, "beta_bits": 7, "input_shape": (4, 5)}
    given: dict[str, Any] = {name: np.int64(value) for name, value in numbers.items() if name != "input_shape"}
    given |= {"input_shape": np.array([4, 5]), "membrane": Range(lo=np.int32(-9999), hi=np.int32(9999))}
    plain = from_arrays(floats(), betas=0.9, **numbers, membrane=Range(lo=-9999, hi=9999))
    assert from_arrays(floats(), betas=0.9, **given).digest == plain.digest
    each = from_arrays(floats(), weight_bits=np.array([6, 4]))
    assert [layer.synapse.weight_range.width for layer in each.network.stages] == [6, 4]
    path = save(replace(plain, provenance={"epoch": np.int64(3), "loss": np.float32(0.5)}), tmp_path / "m.safetensors")
    assert load(path).provenance == {"epoch": 3, "loss": 0.5}
