"""The streams and taps of a component as data: what simulators, test benches and the JSON beside the Verilog read."""

from __future__ import annotations

from amaranth.hdl import Shape, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In

from snnhw.interface import PayloadField, StreamPort, Tap, TapSignal

Order = tuple[tuple[int | None, ...], ...]


def streams_of(component: wiring.Component) -> tuple[StreamPort, ...]:
    """All streams of a component that has no other ports, in the order of its signature."""
    return tuple(
        stream_port(name, "in" if member.flow == In else "out", getattr(component, name).payload.shape())
        for name, member in component.signature.members.items()
    )


def stream_port(name: str, direction: str, layout: data.StructLayout) -> StreamPort:
    """A stream of that payload, as data."""
    fields = [_field(key, member) for key, member in layout]
    return StreamPort(name=name, direction=direction, width=layout.size, fields=tuple(fields))


def tap_of(
    stage: str, scope: str, layout: data.StructLayout, taps: dict[str, Signal], order: Order = (), steps: int = 1
) -> Tap:
    """Signals that show fields of a payload, as data."""
    signals = []
    for name, signal in taps.items():
        lanes, shape = _lanes(layout[name].shape)
        signals.append(TapSignal(name=name, signal=signal.name, width=shape.width, count=lanes, signed=shape.signed))
    return Tap(stage=stage, scope=scope, strobe="tap_strobe", signals=tuple(signals), order=order, steps=steps)


def _field(name: str, member: data.Field) -> PayloadField:
    lanes, shape = _lanes(member.shape)
    return PayloadField(name=name, offset=member.offset, width=shape.width, count=lanes, signed=shape.signed)


def _lanes(shape):
    """How many numbers of which shape a field holds."""
    if isinstance(shape, data.ArrayLayout):
        inner, shape_inside = _lanes(shape.elem_shape)
        return shape.length * inner, shape_inside
    return 1, Shape.cast(shape)
