"""The README's facts that come from elsewhere."""

from __future__ import annotations

from tests.support.seed import DIFFERENCES, ROOT
from tests.support.seed_summary import section, summary


def test_the_readme_names_each_difference_to_the_seed_and_no_other() -> None:
    assert section() in (ROOT / "README.md").read_text(), "run `python -m tests.support.seed_summary`"
    rows = [line.split(" | ") for line in summary().splitlines()[2:]]
    named = [field.strip("| ") for row in rows for field in row[0].split(", ")]
    assert sorted(named) == sorted(DIFFERENCES), "each field that the comparison allows to differ, once"
    assert all(row[-1].strip("| ") for row in rows), "each with its reason"
