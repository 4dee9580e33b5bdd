"""Numbers that are overridden by name, in descriptions, models and presets."""

from pathlib import Path

import numpy as np
import pytest

from snnhw.descriptionfile import save_description
from snnhw.errors import DescriptionError
from snnhw.model import Model, tensor_shapes
from snnhw.modelfile import save
from snnhw.network import Network
from snnhw.overrides import overridden
from snnhw.presets import preset, resolve_network

PLAIN = preset("mnist-mlp")
HIDDEN = PLAIN.stages[0]
DEEP = PLAIN.model_copy(update={"stages": (HIDDEN, HIDDEN.model_copy(update={"name": "second"}), PLAIN.stages[1])})


def test_the_short_names_do_what_they_do_for_presets():
    changes = {"hidden": 32, "num_steps": 8, "weight_bits": 3}
    assert overridden(PLAIN, changes, "mine.toml") == preset("mnist-mlp", **changes)


def test_a_path_changes_one_number_and_nothing_else():
    changes = {"stages.hidden.neuron.threshold": 200, "encoder.bits": 3, "stages.output.synapse.weight_bits": 6}
    changed = overridden(PLAIN, changes, "mine.toml")
    assert changed.stages[0].neuron is not None and changed.stages[0].neuron.threshold == 200
    assert overridden(changed, {**changes, "encoder.bits": 4}, "x") != PLAIN
    back = {"stages.hidden.neuron.threshold": 256, "encoder.bits": 4, "stages.output.synapse.weight_bits": 4}
    assert overridden(changed, back, "mine.toml") == PLAIN


def test_a_description_a_model_and_a_preset_are_overridden_alike(tmp_path: Path):
    zeros = {name: np.zeros(shape, np.int64) for name, shape in tensor_shapes(PLAIN).items()}
    files = [save_description(PLAIN, tmp_path / "mine.toml"), save_description(PLAIN, tmp_path / "mine.json")]
    files.append(save(Model.from_tensors(PLAIN, zeros), tmp_path / "mine.safetensors"))
    changes = {"weight_bits": 3, "num_steps": 8, "stages.hidden.neuron.threshold": 200}
    wanted = preset("mnist-mlp", weight_bits=3, num_steps=8, threshold=200)
    assert preset("mnist-mlp", **changes) == wanted
    assert [resolve_network(file, **changes) for file in files] == [wanted] * 3


@pytest.mark.parametrize(
    ("network", "name", "message"),
    [
        (PLAIN, "threshold", "has nothing called 'threshold' to override; it has num_steps, weight_bits, hidden, enc"),
        (PLAIN, "stages.hiden.neuron.threshold", "has no 'stages.hiden.*': stages has hidden, output$"),
        (PLAIN, "stages.hidden.neuron.leek", "stages.hidden.neuron has leak, threshold"),
        (PLAIN, "stage.hidden", "a description has input_shape, encoder, stages"),
        (PLAIN, "stages.hidden.neuron", "no 'stages.hidden.neuron' that is a number: it has leak, threshold"),
        (PLAIN, "stages.hidden", "no 'stages.hidden' that is a number: it has name, synapse"),
        (PLAIN, "stages.output.neuron.membrane.lo", "stages.output.neuron.membrane has no parts"),
        (PLAIN, "input_shape.0", "input_shape has no parts"),
        (PLAIN, "stages.hidden.name", "mine.toml with stages.hidden.name=0: stages.0.name: .*, not 0"),
        (PLAIN, "num_steps", "mine.toml with num_steps=0: num_steps: .*, not 0"),
        (DEEP, "hidden", r"mine.toml has 2 \(hidden, second\): say --set stages.NAME.synapse.units=N"),
    ],
)
def test_what_cannot_be_overridden_is_one_line(network: Network, name: str, message: str):
    with pytest.raises(DescriptionError, match=message) as raised:
        overridden(network, {name: 0}, "mine.toml")
    assert "\n" not in str(raised.value)
