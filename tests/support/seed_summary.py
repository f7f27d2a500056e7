"""The README's summary of how stack `seed` differs from the document: one row for each reason."""

from __future__ import annotations

from .seed import DIFFERENCES, ROOT, cell

HEADING = "## The seed's manifests, and what differs\n"
NEXT = "\n## Limits\n"

INTRODUCTION = (
    "`make render STACK=seed` prints the six manifests of Kamaji's Equinix page. These fields differ, each with its reason\n"
    "([docs/seed-differences.md](docs/seed-differences.md) has a row for each field):\n\n"
)
LONGEST = 60
"""Characters of a value that a row of the README can take."""

DEFAULTS = """
Where the seed's own values are not asked for, the defaults differ too: the kubelet gets `cloud-provider: external` only with
`metal.cloudController: external`, because without a cloud controller its taint never goes; and nodes install Kubernetes from
pkgs.k8s.io and Ubuntu's containerd, because the page's package hosts are gone.
"""


def summary() -> str:
    """The table: fields that differ for one reason share a row."""
    rows: dict[str, list[str]] = {}
    for field, (_, _, why) in DIFFERENCES.items():
        rows.setdefault(why, []).append(field)
    lines = ["| field | there | here | why |", "|---|---|---|---|"]
    for why, fields in rows.items():
        values = {(cell(DIFFERENCES[field][0]), cell(DIFFERENCES[field][1])) for field in fields}
        there, here = values.pop() if len(values) == 1 else ("several", "several")
        here = here if len(here) < LONGEST else "see the page"
        lines.append(f"| {', '.join(fields)} | {there} | {here} | {why} |")
    return "\n".join(lines) + "\n"


def section() -> str:
    """The README's whole section."""
    return f"{HEADING}{INTRODUCTION}{summary()}{DEFAULTS}"


if __name__ == "__main__":
    readme = ROOT / "README.md"
    text = readme.read_text()
    start, end = text.index(HEADING), text.index(NEXT)
    readme.write_text(f"{text[:start]}{section()}{text[end:]}")
