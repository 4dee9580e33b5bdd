"""What `import snnhw` offers: all of it there, nothing loaded before it is asked for, and no module of its name."""

import subprocess
import sys
from pathlib import Path

import pytest

import snnhw

HEAVY = ("amaranth", "gateware", "golden", "numpy", "pydantic", "torch")


def test_every_name_is_what_its_module_has():
    from snnhw.data import load
    from snnhw.modelfile import save
    from snnhw.presets import resolve_model
    from snnhw.verification import verify

    assert [snnhw.load_data, snnhw.save_model, snnhw.load_model, snnhw.verify] == [load, save, resolve_model, verify]
    assert dir(snnhw) == snnhw.__all__ == sorted(snnhw._PLACES)
    for name in snnhw.__all__:
        assert callable(getattr(snnhw, name))


def test_no_submodule_bears_a_name_that_is_offered():
    names = {path.stem for path in Path(snnhw.__file__).parent.iterdir()}
    assert not names & set(snnhw.__all__)


def test_nothing_is_loaded_before_it_is_asked_for():
    program = f"import snnhw, sys; print([name for name in {HEAVY!r} if name in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


def test_another_name_is_told_what_there_is():
    with pytest.raises(AttributeError, match=r"no attribute 'emitt'; it has Design, .*emit"):
        _ = snnhw.emitt
