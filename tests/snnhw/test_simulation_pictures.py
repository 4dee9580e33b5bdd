"""Pictures of simulations show golden's numbers, which the circuit's taps have shown, and come out the same twice."""

from functools import cache

import numpy as np
import pytest

from golden.network import Result
from golden.network import run as run_golden
from snnhw.design import Design
from snnhw.network import Layer
from snnhw.simulate.amaranth import AmaranthSimulator
from snnhw.simulate.pictures import draw, encoder_waveform, layer_waveform, spike_values
from snnhw.simulate.simulation import Simulation
from tests.circuits import STEPS, implementation, model, samples

pytestmark = pytest.mark.slow

COUNT = 3
FIRING = "layer0"


@cache
def simulation(case: str = "direct") -> Simulation:
    return AmaranthSimulator(Design(model(case), implementation(case))).run(samples(case, COUNT)).require_complete()


@cache
def golden(case: str = "direct") -> Result:
    return run_golden(model(case), samples(case, COUNT), traces=True)


def layer(name: str, case: str = "direct") -> Layer:
    return next(stage for stage in model(case).network.stages if stage.name == name)


def in_a_row(values: np.ndarray) -> np.ndarray:
    return np.concatenate([values[:, sample] for sample in range(COUNT)])


def waves(axes) -> list[list[float]]:
    """The lines of an axes but those between images."""
    return [list(line.get_ydata()) for line in axes.lines if line.get_linestyle() != ":"]


def test_all_pictures_come_out_the_same(tmp_path):
    first = draw(simulation(), "small", tmp_path / "a")
    assert [path.name for path in first] == [
        "small-encoder.png",
        "small-layer0.png",
        "small-layer0-spikes.png",
        "small-layer1.png",
    ]
    again = draw(simulation(), "small", tmp_path / "b")
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in again]


def test_bars_are_the_spikes_of_neurons_with_most_different_values():
    values = in_a_row(golden().traces[FIRING].value)
    axes = spike_values(simulation(), layer(FIRING)).axes[0]
    units = [int(text.get_text()) for text in axes.get_legend().get_texts()]
    drawn = np.array([[bar.get_height() for bar in bars] for bars in axes.containers])
    assert np.array_equal(drawn, values[:, units].T)
    different = [len(np.unique(values[:, unit])) for unit in range(values.shape[1])]
    assert sorted(different)[-len(units) :] == sorted(different[unit] for unit in units)


@pytest.mark.parametrize("case", ["direct", "latency"])
def test_a_row_of_the_encoder_is_what_it_sends_for_a_pixel(case: str):
    sent = golden(case).encoded
    assert sent is not None
    values = in_a_row(np.repeat(sent, STEPS // len(sent), axis=0))
    axes = encoder_waveform(simulation(case)).axes[0]
    units = [int(text.get_text().split()[1]) for text in axes.get_yticklabels()]
    for place, (unit, wave) in enumerate(zip(units, waves(axes), strict=True)):
        expected = values[:, unit] / values[:, units].max() * 0.7 - place
        assert wave == pytest.approx([*expected, expected[-1]])


@pytest.mark.parametrize(("name", "panels"), [("layer0", 2), ("layer1", 1)])
def test_membranes_are_those_after_each_step(name: str, panels: int):
    membranes = in_a_row(golden().traces[name].state["membrane"])
    figure = layer_waveform(simulation(), layer(name))
    assert len(figure.axes) == panels
    axes = figure.axes[-1]
    units = [int(text.get_text()) for text in axes.get_legend().get_texts()]
    assert waves(axes) == [[*membranes[:, unit], membranes[-1, unit]] for unit in units]


def test_each_image_is_named_with_its_class():
    axes = layer_waveform(simulation(), layer("layer1")).axes[0]
    said = [text.get_text() for text in axes.get_xticklabels()]
    classes = golden().classes.tolist()
    assert said == [f"image {number}\n{STEPS} steps\nclass {given}" for number, given in enumerate(classes)]
