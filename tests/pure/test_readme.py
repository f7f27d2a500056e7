"""The README: what it is and the two commands at first sight, and nothing that leads nowhere."""

from __future__ import annotations

import re

from bench.pictures import words
from tests.support.seed import ROOT

README = (ROOT / "README.md").read_text()
SCREEN = 24
"""Lines that one sees without scrolling."""


def test_what_it_is_and_the_two_commands_stand_within_the_first_screen() -> None:
    first = "\n".join(README.splitlines()[:SCREEN])
    for part in ("Kamaji", "Cluster API", "$ make up", "$ make test"):
        assert part in first, f"{part!r} is further down"


def test_each_link_of_the_readme_and_of_the_pages_leads_to_a_file() -> None:
    count = 0
    for page in (ROOT / "README.md", ROOT / "DEBUGGING.md", *sorted((ROOT / "docs").glob("*.md"))):
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text()):
            if "://" not in target:
                count += 1
                assert (page.parent / target).exists(), f"{page.name}: {target}"
    assert count > 10, "or no link was found at all"


def test_long_tables_stand_on_their_own_pages() -> None:
    tables = re.findall(r"(?:^\|.*\n)+", README, flags=re.MULTILINE)
    longest = max(len(table.splitlines()) for table in tables)
    assert longest <= 16, f"a table of {longest} lines is no overview"


def test_the_pictures_ask_no_other_server_for_a_font_and_show_words() -> None:
    pictures = sorted((ROOT / "docs" / "pictures").glob("*.svg"))
    assert {path.stem for path in pictures} == {"hand-off", "tree"}, "what the README shows"
    for path in pictures:
        picture = path.read_text()
        addresses = set(re.findall(r"https?://[^\s\"')]+", picture)) - {"http://www.w3.org/2000/svg"}
        assert not any("font" in address for address in addresses), f"{path.name}: {addresses}"
        assert len(words(picture)) > 10, f"{path.name} shows next to nothing"
