"""What every page promises: its links lead somewhere, and its lines for the shell are commands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.commands import check
from tests.docs.markdown import ROOT, anchors, code, fences, links, page

PAGES = ["README.md", *sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("name", PAGES)
def test_links_lead_to_files_and_headings(name: str):
    for link in links(page(name)):
        if "://" in link:
            continue
        target, _, heading = link.partition("#")
        path = (ROOT / name).parent / target if target else ROOT / name
        assert path.exists(), link
        assert not heading or heading in anchors(path.read_text()), link


@pytest.mark.slow
@pytest.mark.parametrize("name", PAGES)
def test_lines_for_the_shell_are_commands(name: str):
    """Those that are whole: a name in capitals stands for something, and ``COMMAND`` for any of them."""
    text = page(name)
    block_lines = [line for block in (*fences(text, ""), *fences(text, "sh")) for line in block.splitlines()]
    for line in [*block_lines, *code(text)]:
        if line.startswith("make "):
            target = re.escape(line.split()[1])
            assert re.search(rf"^{target}:", Path(ROOT / "Makefile").read_text(), re.MULTILINE), line
        elif re.match(r"snnhw [a-z]", line) and "[" not in line:
            check(line)
