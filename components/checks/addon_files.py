"""Whether the charts and manifests that add-ons name by a path are there, before anything is created."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from ..settings.model import StackSettings
from ..settings.report import Problem
from .departures import base_of

SUFFIXES = (".yaml", ".yml", ".json")
"""Of the files in a folder of manifests."""


def problems(settings: StackSettings) -> Iterator[Problem]:
    """Paths that lead to nothing; relative ones are looked for in the working folder, as the engine does."""
    for number, tenant in enumerate(settings.clusters):
        for index, addon in enumerate(tenant.addons):
            path = f"{base_of(number, settings)}addons[{index}]"
            chart = addon.chart or ""
            if chart and not addon.repository and "://" not in chart and not (Path(chart) / "Chart.yaml").is_file():
                yield Problem(
                    f"{path}.chart",
                    f"there is no Chart.yaml in {Path(chart).resolve()}; a chart of a repository needs `repository`",
                    chart,
                    example=None,
                )
            for place, entry in enumerate(addon.files):
                if "://" not in entry and not any(Path(file).is_file() for file in manifest_files([entry])):
                    yield Problem(
                        f"{path}.files[{place}]", f"there is no manifest at {Path(entry).resolve()}", entry, None
                    )


def manifest_files(entries: Sequence[str]) -> Iterator[str]:
    """The files of manifests: of a folder all that it holds, of a pattern all that match, addresses as they are."""
    for entry in entries:
        if "://" in entry:
            yield entry
        elif Path(entry).is_dir():
            yield from sorted(str(path) for path in Path(entry).iterdir() if path.suffix in SUFFIXES)
        else:
            yield from sorted(
                map(str, Path(Path(entry).anchor).glob(str(Path(entry).relative_to(Path(entry).anchor))))
            ) or [entry]
