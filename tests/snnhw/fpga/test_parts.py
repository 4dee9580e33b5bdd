"""What is counted of a circuit."""

import pytest
from pydantic import ValidationError

from snnhw.fpga.parts import Cells


def test_a_number_of_cells_that_no_float_holds_is_none():
    with pytest.raises(ValidationError):
        Cells(ramb18=10**400)
    assert Cells(ramb18=3).bram == 1.5
