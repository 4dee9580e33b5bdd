"""Phase-locked loops: from a board's oscillator to the clock that is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from gateware.board import Primitive
from snnhw.errors import BoardError

__all__ = ["PLLS", "Pll", "find_pll"]

TOLERANCE = 0.01
"""How far below what is asked for a clock may be, as a part of it; never above."""


@dataclass(frozen=True)
class Pll:
    """A loop that makes ``frequency_hz``, as the primitive that the circuit holds."""

    frequency_hz: float
    primitive: Primitive


@dataclass(frozen=True)
class _Setting:
    """Dividers: output = reference / ``divide`` * ``multiply`` / ``out`` (and of the oscillator inside, ``vco_hz``)."""

    divide: int
    multiply: int
    out: int
    frequency_hz: float
    vco_hz: float


@dataclass(frozen=True)
class _Limits:
    """What a family's data sheet allows: ranges of the dividers, and of frequencies at the comparator, inside and out.

    ``inside``: the output is what is fed back, so that ``multiply`` counts periods of it.
    """

    divide: range
    multiply: range
    outs: tuple[int, ...]
    compared_hz: tuple[float, float]
    vco_hz: tuple[float, float]
    out_hz: tuple[float, float]
    fed_back_after_out: bool


def _settings(limits: _Limits, reference_hz: float) -> Iterator[_Setting]:
    for divide in limits.divide:
        compared = reference_hz / divide
        if not limits.compared_hz[0] <= compared <= limits.compared_hz[1]:
            continue
        for multiply in limits.multiply:
            for out in limits.outs:
                vco = compared * multiply * (out if limits.fed_back_after_out else 1)
                in_range = limits.out_hz[0] <= vco / out <= limits.out_hz[1]
                if in_range and limits.vco_hz[0] <= vco <= limits.vco_hz[1]:
                    yield _Setting(divide, multiply, out, vco / out, vco)


def _ice40(setting: _Setting, reference_hz: float) -> Primitive:
    compared = reference_hz / setting.divide
    bounds = (17e6, 26e6, 44e6, 66e6, 101e6)
    return Primitive(
        name="SB_PLL40_PAD",
        parameters={
            "FEEDBACK_PATH": "SIMPLE",
            "DIVR": (setting.divide - 1, 4),
            "DIVF": (setting.multiply - 1, 7),
            "DIVQ": (setting.out.bit_length() - 1, 3),
            "FILTER_RANGE": (1 + sum(compared >= bound for bound in bounds), 3),
        },
        constants={"RESETB": 1, "BYPASS": 0},
        clock_in="PACKAGEPIN",
        clock_out="PLLOUTGLOBAL",
        locked="LOCK",
    )


def _ecp5(setting: _Setting, reference_hz: float) -> Primitive:
    return Primitive(
        name="EHXPLLL",
        attributes={
            "FREQUENCY_PIN_CLKI": f"{reference_hz / 1e6:g}",
            "FREQUENCY_PIN_CLKOP": f"{setting.frequency_hz / 1e6:g}",
            "ICP_CURRENT": "12",
            "LPF_RESISTOR": "8",
            "MFG_ENABLE_FILTEROPAMP": "1",
            "MFG_GMCREF_SEL": "2",
        },
        parameters={
            "CLKI_DIV": setting.divide,
            "CLKFB_DIV": setting.multiply,
            "CLKOP_DIV": setting.out,
            "CLKOP_ENABLE": "ENABLED",
            "CLKOP_CPHASE": setting.out // 2,
            "CLKOP_FPHASE": 0,
            "FEEDBK_PATH": "CLKOP",
            "PLLRST_ENA": "DISABLED",
            "INTFB_WAKE": "DISABLED",
            "STDBY_ENABLE": "DISABLED",
            "DPHASE_SOURCE": "DISABLED",
        },
        constants={
            **dict.fromkeys(("RST", "STDBY", "PHASESEL0", "PHASESEL1", "PLLWAKESYNC", "ENCLKOP"), 0),
            **dict.fromkeys(("PHASEDIR", "PHASESTEP", "PHASELOADREG"), 1),
        },
        clock_in="CLKI",
        clock_out="CLKOP",
        locked="LOCK",
        feedback=("CLKOP", "CLKFB"),
    )


def _xc7(setting: _Setting, reference_hz: float) -> Primitive:
    return Primitive(
        name="PLLE2_BASE",
        parameters={
            "CLKIN1_PERIOD": 1e9 / reference_hz,
            "DIVCLK_DIVIDE": setting.divide,
            "CLKFBOUT_MULT": setting.multiply,
            "CLKOUT0_DIVIDE": setting.out,
        },
        constants={"RST": 0, "PWRDWN": 0},
        clock_in="CLKIN1",
        clock_out="CLKOUT0",
        locked="LOCKED",
        feedback=("CLKFBOUT", "CLKFBIN"),
        buffer=("BUFG", "I", "O"),
    )


def _gw1n(setting: _Setting, reference_hz: float) -> Primitive:
    still = ("FBDSEL", "IDSEL", "ODSEL", "PSDA", "DUTYDA", "FDLY")
    return Primitive(
        name="rPLL",
        parameters={
            "FCLKIN": f"{reference_hz / 1e6:g}",
            "IDIV_SEL": setting.divide - 1,
            "FBDIV_SEL": setting.multiply - 1,
            "ODIV_SEL": setting.out,
            "CLKFB_SEL": "internal",
            "DYN_IDIV_SEL": "false",
            "DYN_FBDIV_SEL": "false",
            "DYN_ODIV_SEL": "false",
            "DEVICE": "GW1NR-9C",
        },
        constants=dict.fromkeys(("CLKFB", "RESET", "RESET_P"), 0) | dict.fromkeys(still, 0),
        clock_in="CLKIN",
        clock_out="CLKOUT",
        locked="LOCK",
    )


PLLS: Mapping[str, tuple[_Limits, Callable[[_Setting, float], Primitive]]] = MappingProxyType(
    {
        # Lattice, iCE40 sysCLOCK PLL design and usage guide (FPGA-TN-02052) and the families' data sheets.
        "ice40": (
            _Limits(
                range(1, 17),
                range(1, 129),
                tuple(2**n for n in range(1, 7)),
                (10e6, 133e6),
                (533e6, 1066e6),
                (16e6, 275e6),
                False,
            ),
            _ice40,
        ),
        # Lattice, ECP5 sysCLOCK PLL/DLL design and usage guide (FPGA-TN-02200) and the family's data sheet.
        "ecp5": (
            _Limits(
                range(1, 129),
                range(1, 81),
                tuple(range(1, 129)),
                (3.125e6, 400e6),
                (400e6, 800e6),
                (3.125e6, 400e6),
                True,
            ),
            _ecp5,
        ),
        # Gowin, clock user guide (UG286) and GW1NR series data sheet (DS117), speed grade C6/I5.
        "gw1n": (
            _Limits(
                range(1, 65),
                range(1, 65),
                (2, 4, 8, 16, 32, 48, 64, 80, 96, 112, 128),
                (3e6, 400e6),
                (4e8, 1.2e9),
                (3.125e6, 600e6),
                True,
            ),
            _gw1n,
        ),
        # Xilinx, Artix-7 data sheet (DS181), speed grade -1.
        "xc7": (
            _Limits(
                range(1, 57), range(2, 65), tuple(range(1, 129)), (19e6, 450e6), (800e6, 1600e6), (6.25e6, 800e6), False
            ),
            _xc7,
        ),
    }
)
"""The loops by family: limits, and how a setting becomes a primitive."""


def find_pll(family: str, reference_hz: float, asked_hz: float) -> Pll:
    """The loop whose output is highest and not above what is asked for.

    Of several, the one that divides least before it compares, its inside nearest the middle of its range. Raises
    BoardError where none comes within a hundredth.
    """
    limits, primitive = PLLS[family]
    low = asked_hz * (1 - TOLERANCE)
    found = [s for s in _settings(limits, reference_hz) if low <= s.frequency_hz <= asked_hz * (1 + 1e-9)]
    if not found:
        raise BoardError(
            f"no phase-locked loop of {family} makes {asked_hz / 1e6:g} MHz from {reference_hz / 1e6:g} MHz: ask for "
            f"another --clock, or for the oscillator's own"
        )
    middle = sum(limits.vco_hz) / 2
    best = max(found, key=lambda s: (round(s.frequency_hz), -s.divide, -abs(s.vco_hz - middle)))
    return Pll(best.frequency_hz, primitive(best, reference_hz))
