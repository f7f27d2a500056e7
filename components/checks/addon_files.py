"""Whether the charts and manifests that add-ons name by a path are there, before anything is created."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ..kube.urls import without_credentials
from ..settings.model import StackSettings
from ..settings.report import Problem
from .departures import base_of

SUFFIXES = (".yaml", ".yml", ".json")
"""File name suffixes of manifests in a folder."""

ANSWER_SECONDS = 10.0
"""A slower server is not reported: pulumi-kubernetes waits longer."""


def problems(settings: StackSettings) -> Iterator[Problem]:
    """Paths and addresses without a file; relative paths start in the working folder, as the engine's do."""
    statuses = refusals(entry for tenant in settings.clusters for addon in tenant.addons for entry in addon.files)
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
                elif answer := statuses.get(entry):
                    yield Problem(
                        f"{path}.files[{place}]",
                        f"the server answers {answer}, so no manifest is there; `curl -fL` shows the same",
                        without_credentials(entry),
                        None,
                    )


def refusals(entries: Iterable[str]) -> dict[str, str]:
    """Status and reason of each address that a server refuses; the other addresses are left out.

    pulumi-kubernetes takes an answer of any status for a manifest (``Parse`` in ``provider/pkg/provider/yaml/v2``), and then
    reports that a "not found" page has no kind.
    """
    addresses = sorted({entry for entry in entries if entry.startswith(("http://", "https://"))})
    if not addresses:
        return {}
    with ThreadPoolExecutor(min(8, len(addresses))) as pool:
        answers = zip(addresses, pool.map(refusal, addresses), strict=True)
    return {address: answer for address, answer in answers if answer}


def refusal(address: str) -> str:
    """Status and reason with which a server refuses an address; empty where it does not refuse, or does not answer.

    Go takes other certificates and proxies than Python does, so the plugin has to judge a connection that fails.
    """
    try:
        with urllib.request.urlopen(address, timeout=ANSWER_SECONDS):  # noqa: S310 - http and https alone
            return ""
    except urllib.error.HTTPError as error:
        error.close()
        return f"{error.code} {error.reason}"
    except (OSError, ValueError, http.client.HTTPException):
        return ""


def manifest_files(entries: Sequence[str]) -> Iterator[str]:
    """The files of manifests: all of a folder, all that match a pattern, addresses unchanged."""
    for entry in entries:
        if "://" in entry:
            yield entry
        elif Path(entry).is_dir():
            yield from sorted(str(path) for path in Path(entry).iterdir() if path.suffix in SUFFIXES)
        else:
            yield from sorted(
                map(str, Path(Path(entry).anchor).glob(str(Path(entry).relative_to(Path(entry).anchor))))
            ) or [entry]
