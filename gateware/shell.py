"""The top module of a circuit in its shell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from amaranth.lib import wiring

from gateware.network import NetworkCircuit
from snnhw.shell import CIRCUIT, AerShell, AxiShell, Shell, StreamShell, pixel_bits

if TYPE_CHECKING:
    from snnhw.design import Design
    from snnhw.interface import Interface


def shell_top(design: Design, shell: Shell) -> wiring.Component:
    """The component with the ports of ``shell``; unless that is nothing, the network's is its attribute ``circuit``."""
    if isinstance(shell, StreamShell):
        return NetworkCircuit(design)
    if isinstance(shell, AxiShell):
        from gateware.axi import AxiTop

        return AxiTop(design, tdata=shell.tdata)
    if isinstance(shell, AerShell):
        from gateware.aer import AerTop

        return AerTop(design, bin_cycles=shell.bin_cycles)
    from gateware.uart import UartTop

    pixel_bits(design.network)  # refuses a network that cannot be reached, before there is a component that nobody uses
    return UartTop(design, clock_hz=shell.clock_hz, baud=shell.baud)


def interface_of(top: wiring.Component, name: str) -> Interface:
    """The streams and taps of a top that :func:`shell_top` made, in a top module of that name."""
    if isinstance(top, NetworkCircuit):
        return top.interface.model_copy(update={"top": name})
    interface = top.circuit.interface
    taps = tuple(tap.model_copy(update={"scope": f"{CIRCUIT}.{tap.scope}"}) for tap in interface.taps)
    return interface.model_copy(update={"top": name, "taps": taps})
