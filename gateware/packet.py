"""Results as bytes: the circuit's numbers laid out as :func:`snnhw.shell.result_packet` says."""

from amaranth.hdl import Cat, Const, Value
from amaranth.lib import data

from snnhw.interface import Interface
from snnhw.shell import result_packet


def result_bits(payload: data.View, interface: Interface) -> Value:
    """The payload of a circuit's result with every number extended to whole bytes; byte 0 in the lowest bits."""
    numbers = []
    for inner, outer in zip(interface.result.fields, result_packet(interface).fields, strict=True):
        for lane in range(inner.count):
            start = inner.offset + lane * inner.width
            bits = payload.as_value()[start : start + inner.width]
            numbers.append(_extended(bits.as_signed() if inner.signed else bits, outer.width))
    return Cat(numbers)


def _extended(number: Value, width: int) -> Value:
    """A number in ``width`` bits, by its sign where it has one."""
    fill = number[-1] if number.shape().signed else Const(0, 1)
    return Cat(number, fill.replicate(width - len(number)))
