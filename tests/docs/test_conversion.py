"""docs/conversion.md against the models that ship: which are certified, and their counts."""

import pytest

from snnhw.ann.certificate import certify, proof
from snnhw.data import load
from snnhw.presets import resolve_model
from tests.docs.markdown import page, sections, table

ROWS = {row[0].strip("`"): row[1:] for row in table(sections(page("docs/conversion.md"))["Certified"], "model")}


@pytest.mark.parametrize("name", ROWS)
def test_a_row_says_of_a_model_what_it_is(name: str):
    certified, differing, ann, spiking = ROWS[name]
    model = resolve_model(name)
    assert certified == ("yes" if proof(model)[0] else "no")
    assert spiking == f"{model.provenance['accuracy']['correct']:,} of 10,000"
    assert (certified == "yes") == (differing == "0") == (ann == spiking)


@pytest.mark.slow
def test_the_certified_model_that_ships_gives_the_scores_of_its_artificial_network():
    found = certify(resolve_model("lenet5-certified"), load("sample"))
    assert (found.certified, found.images, found.scores_differing) == (True, 1000, 0)
