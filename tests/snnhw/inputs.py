"""Inputs of circuits that are nothing else: a small network behind any encoder, and the ports of samples."""

from snnhw.interface import PayloadField, StreamPort
from snnhw.network import CountReadout, Dense, Encoder, Layer, Network, Neuron


def network(encoder: Encoder, shape: tuple[int, ...], steps: int) -> Network:
    layer = Layer(name="out", synapse=Dense(units=2, weight_bits=2), neuron=Neuron(threshold=1))
    return Network(input_shape=shape, encoder=encoder, stages=(layer,), readout=CountReadout(), num_steps=steps)


def pixel_port(lanes: int) -> StreamPort:
    pixels = PayloadField(name="pixels", offset=0, width=8, count=lanes)
    last = PayloadField(name="last", offset=8 * lanes, width=1)
    return StreamPort(name="sample", direction="in", width=8 * lanes + 1, fields=(pixels, last))


def event_port() -> StreamPort:
    fields = [("address", 0, 3), ("value", 3, 4), ("end", 7, 1)]
    placed = tuple(PayloadField(name=name, offset=offset, width=width) for name, offset, width in fields)
    return StreamPort(name="sample", direction="in", width=8, fields=placed)
