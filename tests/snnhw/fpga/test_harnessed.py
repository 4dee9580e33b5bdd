from pathlib import Path
from typing import Any

import pytest

import gateware.srbm
import gateware.stdp
import snnhw.srbm.verilog
import snnhw.stdp.verilog
from snnhw.errors import DescriptionError
from snnhw.fpga import place, synthesis
from snnhw.fpga.harnessed import place_harnessed
from snnhw.fpga.parts import FAMILIES, Cells, find_part
from snnhw.fpga.stages import HARNESS
from snnhw.srbm.machine import Machine, Synapse
from snnhw.stdp.learner import Learner

MACHINE = Machine(pixels=4, classes=2, labels_per_class=1, hidden=3, biases=0, synapse=Synapse(refresh_rows=1))
LEARNER = Learner.usual(3, 4, pixels=4, classes=2, spikes=2)
CIRCUITS: dict[str, Any] = {
    "srbm": lambda: (snnhw.srbm.verilog.emit(MACHINE, 2), gateware.srbm.PARTS),
    "stdp": lambda: (snnhw.stdp.verilog.emit(LEARNER, 2), gateware.stdp.PARTS),
}


@pytest.mark.parametrize("kind", CIRCUITS)
def test_what_the_tools_get_and_what_becomes_of_what_they_say(kind: str, monkeypatch: pytest.MonkeyPatch):
    seen: dict[str, str] = {}

    def synthesise(sources, top, family, folder, stages):
        seen.update({name: (Path(folder) / name).read_text() for name in sources}, top=top)
        found = {stages.stage(name): {"LUT4": 2} for name in ("core.array.bank_0.x", "core.sweep.rows.x", "taken.x")}
        return synthesis.Netlist(found)

    def placed(part, pins, clock_mhz, seed, folder, stages):
        assert (pins, clock_mhz, seed) == (None, 50, 7)
        worst = place.WorstPath(9.5, ("array.bank_0", "sums"))
        return place.Placement({"DP16KD": (3, 56)}, 105.263, worst)

    monkeypatch.setattr(synthesis, "synthesise", synthesise)
    monkeypatch.setattr(place, "place", placed)
    emitted, parts = CIRCUITS[kind]()
    synthesised: list[dict[str, Cells]] = []
    part = find_part("lfe5u-25f")
    fit = place_harnessed(emitted, parts, part, clock_mhz=50, seed=7, on_synthesis=synthesised.append)
    found = fit.to_json()
    assert seen["top"] == HARNESS
    assert f"module {kind}(" in seen[f"{kind}.v"]
    assert f"{kind} core (" in seen[f"{HARNESS}.v"]
    assert set(found["cells"]) == {"array", "sweep", HARNESS}
    assert found["cells"]["array"] == Cells(lut=2).model_dump()
    assert found["used"] == {"DP16KD": (3, 56)}
    assert found["fmax_mhz"] == 105.26
    assert synthesised == [fit.cells]


def test_a_part_that_nothing_places_is_refused():
    part = find_part("xc7a35t")
    assert FAMILIES[part.family].flow is None
    emitted, parts = CIRCUITS["stdp"]()
    with pytest.raises(DescriptionError, match="nothing that comes from a package places xc7 parts"):
        place_harnessed(emitted, parts, part)
