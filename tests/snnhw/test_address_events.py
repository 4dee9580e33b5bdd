"""Networks that take a camera's events: the circuit is golden's equal, in every shell; what cannot be is refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from amaranth.sim import Simulator
from numpy.typing import NDArray

from gateware.axi import AxiTop
from gateware.encoder import EventBins
from snnhw.design import Design
from snnhw.errors import DescriptionError
from snnhw.implementation import Implementation
from snnhw.model import Model, tensor_shapes
from snnhw.network import (
    AddressEvents,
    Conv2d,
    CountReadout,
    Dense,
    Layer,
    MaxPool2d,
    Network,
    Neuron,
    SMaxPool2d,
    SumPool2d,
    Synapse,
)
from snnhw.packets import pack_samples
from snnhw.shell import COUNTED, PLAIN, AxiShell, Shell
from snnhw.simulate.simulation import Stall
from snnhw.simulate.verilator import VerilatorSimulator
from snnhw.testbench import testbench as bench
from snnhw.verification import verify
from snnhw.verilog import emit
from tests.snnhw.testbench.simulators import icarus, passes
from tests.tools import needs_icarus

CONV = Conv2d(channels=3, kernel=(3, 3), weight_bits=4, padding=(1, 1), max_pool=(1, 2))
DENSE = Dense(units=3, weight_bits=4)


def network(bits: int, *synapses: Synapse, shape: tuple[int, ...] = (2, 5, 6), num_steps: int = 3) -> Network:
    """Neurons behind all synapses that take them, and three classes."""
    stages = [
        Layer(name=f"layer{index}", synapse=synapse, neuron=Neuron(threshold=9) if synapse.gives_currents else None)
        for index, synapse in enumerate((*synapses, DENSE))
    ]
    encoder = AddressEvents(bits=bits)
    return Network(
        input_shape=shape, encoder=encoder, stages=tuple(stages), readout=CountReadout(), num_steps=num_steps
    )


def model_of(chosen: Network) -> Model:
    random = np.random.default_rng(1)
    spans = {"weight": (-8, 8), "bias": (-3, 4)}
    shapes = tensor_shapes(chosen)
    return Model(chosen, {name: random.integers(*spans[name.partition(".")[2]], shapes[name]) for name in shapes})


def samples_of(chosen: Network, count: int) -> NDArray[np.uint8]:
    random, shape = np.random.default_rng(2), (count, *chosen.sample_shape)
    values = random.integers(1, chosen.encoder.value_range.hi, shape, np.uint8, endpoint=True)
    return values * (random.random(shape) < 0.3).astype(np.uint8)


@pytest.mark.slow
@pytest.mark.parametrize("bits", [1, 3])
def test_the_circuit_is_equal_and_takes_the_cycles_that_were_predicted(bits: int):
    chosen = network(bits, CONV)
    design, samples = Design.of(model_of(chosen)), samples_of(chosen, 12)
    simulator = VerilatorSimulator.of(design)
    report = verify(design, samples, simulator=simulator)
    assert report.equal
    assert report.timing_mismatches == 0
    assert verify(design, samples, simulator=simulator, stall=Stall(seed=bits)).equal


@pytest.mark.slow
@pytest.mark.parametrize("first", [DENSE, SumPool2d(size=(2, 2))], ids=lambda synapse: synapse.kind)
def test_other_layers_that_add_take_counts(first: Synapse):
    chosen = network(2, first, num_steps=2)
    report = verify(Design.of(model_of(chosen)), samples_of(chosen, 1), engine="amaranth")
    assert report.equal
    assert report.timing_mismatches == 0


def test_a_circuit_that_counts_one_too_many_is_found(monkeypatch: pytest.MonkeyPatch):
    chosen = network(2, shape=(6,), num_steps=2)
    own = EventBins.__init__

    def faulty(self: Any, *arguments: Any) -> None:
        own(self, *arguments)
        self.highest -= 1

    monkeypatch.setattr(EventBins, "__init__", faulty)
    report = verify(Design.of(model_of(chosen)), samples_of(chosen, 2), engine="amaranth")
    assert not report.equal
    assert report.divergence is not None
    assert (report.divergence.stage, report.divergence.field) == ("encoder", "value")
    assert (report.divergence.golden, report.divergence.circuit) == (3, 2)


@pytest.mark.slow
@needs_icarus
@pytest.mark.parametrize("shell", [PLAIN, AxiShell(tdata=32)], ids=lambda shell: shell.kind)
def test_its_bench_passes(tmp_path: Path, shell: Shell):
    chosen = network(2, shape=(2, 3, 3), num_steps=2)
    design = Design.of(model_of(chosen))
    circuit = emit(design, shell=shell)
    written = {**circuit.files, **bench(design, circuit, samples_of(chosen, 3))}
    assert passes(icarus(tmp_path, dict(written)))


def test_axi_says_how_many_events_were_dropped():
    chosen = network(1, shape=(2, 3, 3), num_steps=1)
    top = AxiTop(Design.of(model_of(chosen)), tdata=8)
    sample = np.zeros((1, *chosen.sample_shape), np.uint8)
    sample[0, 0, 1, 2, 0] = 1
    event, end = pack_samples(chosen, top.circuit.interface, sample)[0]
    sent, found = bytes([event, 0b11, event, event, 0b01_11, end]), []

    async def clockwork(ctx: Any) -> None:
        ctx.set(top.aresetn, 1)
        ctx.set(top.s_axis_tkeep, 1)
        ctx.set(top.m_axis_tready, 1)
        for octet in sent:
            ctx.set(top.s_axis_tdata, octet)
            ctx.set(top.s_axis_tlast, octet == end)
            ctx.set(top.s_axis_tvalid, 1)
            await ctx.tick().until(top.s_axis_tready)
        ctx.set(top.s_axis_tvalid, 0)
        await ctx.tick().repeat(60)
        ctx.set(top.s_axi_rready, 1)
        for register in COUNTED:
            ctx.set(top.s_axi_araddr, register.address)
            ctx.set(top.s_axi_arvalid, 1)
            await ctx.tick().until(top.s_axi_arready)
            ctx.set(top.s_axi_arvalid, 0)
            await ctx.tick()
            found.append((register.name, ctx.get(top.s_axi_rdata), ctx.get(top.s_axi_rresp)))

    async def clock(ctx: Any) -> None:
        while True:
            for level in (0, 1):
                ctx.set(top.aclk, level)
                await ctx.delay(1e-6)

    simulator = Simulator(top)
    simulator.add_testbench(clock, background=True)
    simulator.add_testbench(clockwork)
    simulator.run()
    assert found == [("doubles", 2, 0), ("outside", 2, 0)]


@pytest.mark.parametrize("pool", [MaxPool2d(size=(2, 2)), SMaxPool2d(size=(2, 2))], ids=lambda synapse: synapse.kind)
def test_pools_that_do_not_add_take_binary_events_alone(pool: Synapse):
    assert network(1, pool).encoder.repeats is False
    with pytest.raises(ValueError, match=rf"layer 'layer0' of kind '{pool.kind}' does not add up: count with 1 bit"):
        network(2, pool)


@pytest.mark.parametrize(
    "choice", [{"synapse_lanes": {"layer0": 2}}, {"visits": {"layer0": "windows"}}], ids=["groups", "windows"]
)
def test_lists_and_windows_have_no_room_for_counts(choice: dict[str, Any]):
    plain = CONV.model_copy(update={"max_pool": (1, 1)})
    assert Implementation.of(network(1, plain), **choice)
    with pytest.raises(DescriptionError, match="layer 'layer0' needs 3 synapse lanes, all of its channels, and to"):
        Implementation.of(network(2, plain), **choice)
