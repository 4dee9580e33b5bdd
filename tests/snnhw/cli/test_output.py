"""Progress where standard error is no terminal."""

import pytest

from snnhw.cli.output import progress


def test_stages_are_noted_once_each_when_they_begin(capsys: pytest.CaptureFixture[str]):
    with progress("building:", stages=True) as update:
        assert capsys.readouterr().err == ""
        update(0, 2, "elaborating [sync]")
        assert capsys.readouterr().err == "snnhw: elaborating [sync]\n"
        update(1, 2, "elaborating [sync]")
        update(1, 2, "synthesising")
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "snnhw: synthesising\n")


def test_other_progress_is_not(capsys: pytest.CaptureFixture[str]):
    with progress("verifying") as update:
        update(1, 2, "image 1")
    assert capsys.readouterr() == ("", "")
