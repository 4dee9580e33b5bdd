"""The top module of a circuit of commands in its shell."""

from amaranth.lib import wiring

from gateware.commanduart import CommandUartTop
from snnhw.commandshell import CommandShell
from snnhw.interface import CommandInterface
from snnhw.shell import StreamShell, UartShell


def command_top(
    circuit: wiring.Component, interface: CommandInterface, shell: CommandShell, digest: str
) -> wiring.Component:
    """The component with the ports of ``shell``, around a circuit of these streams; ``digest`` says which it is."""
    if isinstance(shell, StreamShell):
        return circuit
    if isinstance(shell, UartShell):
        return CommandUartTop(circuit, interface, digest, clock_hz=shell.clock_hz, baud=shell.baud)
    from gateware.commandaxi import CommandAxiTop

    return CommandAxiTop(circuit, interface, digest)
