"""The mistakes in a stack's configuration, in one report."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr

NOTHING: Any = object()
"""Stands for a value that is missing, or must not be shown."""

SECRET_PATH = re.compile(r"^management($|\.kubeconfig($|\W))|\.content$|passw|token", re.IGNORECASE)


CREDENTIALS = re.compile(r"[^\s/:@]:[^\s/:@]+@[^\s@]")
"""User and password before a host."""


class Placeholder(SecretStr):
    """Stands for an encrypted value of a stack's file that was read without the engine; what it holds is a placeholder."""

    def __init__(self, path: str) -> None:
        super().__init__(f"(encrypted {path})")


@dataclass(frozen=True)
class Problem:
    """One mistake, or one warning.

    Attributes:
        path: the key, as in ``workerPools[1].taints[0].effect``.
        rule: the rule that the value breaks, or the consequence of the value.
        value: the user's value; ``NOTHING`` where there is none, or where it may be a secret.
        example: a valid value; None where none would help.
        about: further keys that the rule used.
    """

    path: str
    rule: str
    value: Any = NOTHING
    example: Any = NOTHING
    about: tuple[str, ...] = ()

    def __str__(self) -> str:
        value = "" if self.value is NOTHING else f" is {quote(self.path, self.value)}"
        example = (
            "" if self.example is NOTHING or self.example is None else f"; for example {shorten(self.example, 120)}"
        )
        return f"{self.path or 'the configuration'}{value}: {self.rule}{example}"


class SettingsError(Exception):
    """The configuration can't be used. Its text is the whole report, a line for each mistake."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        count = f"{len(self.problems)} mistake{'s' if len(self.problems) != 1 else ''}"
        lines = "\n".join(f"  - {problem}" for problem in self.problems)
        super().__init__(f"the stack's configuration has {count}; nothing was created or changed:\n{lines}")


_REPORT = re.compile(r"the stack's configuration has \d+ mistakes?.*", re.DOTALL)


def report_in(text: str) -> tuple[str, list[str]] | None:
    """The report in an engine's output of a failed program, and its lines; None where there is none."""
    match = _REPORT.search(text)
    if match is None:
        return None
    lines = [line.strip() for line in match[0].splitlines()]
    return match[0], [line.removeprefix("- ") for line in lines if line.startswith("- ")]


def quote(path: str, value: Any) -> str:
    """A value as a report quotes it; never one that may be a secret."""
    if isinstance(value, SecretStr):
        return "a secret"
    text = shorten(value)
    try:
        whole = repr(value)
    except ValueError:
        # Python writes no decimal number of thousands of digits.
        return f"a {type(value).__name__}"
    if SECRET_PATH.search(path) or "PRIVATE KEY" in whole or CREDENTIALS.search(whole):
        return "given"
    if isinstance(value, dict):
        return "a map"
    if isinstance(value, list | tuple) and not all(isinstance(item, str | int | float) for item in value):
        return "a list"
    return text


def shorten(value: Any, length: int = 80) -> str:
    """A value as one writes it in YAML's flow style, cut where it is longer than ``length`` characters."""
    try:
        text = json.dumps(value, ensure_ascii=True)
    except (TypeError, ValueError, RecursionError):
        text = f"a {type(value).__name__}"
    return text if len(text) <= length else f"{text[: length - 3]}..."


def path_of(base: str, location: Sequence[int | str]) -> str:
    """The key that a location means, below ``base``.

    >>> path_of("workerPools", (1, "labels", "example.org/tier"))
    'workerPools[1].labels["example.org/tier"]'
    """
    path = base
    for step in location:
        if isinstance(step, int):
            path += f"[{step}]"
        elif re.fullmatch(r"[A-Za-z0-9_-]+", step):
            path += f".{step}" if path else step
        else:
            path += f"[{shorten(step)}]"
    return path


def steps_of(path: str) -> list[str]:
    """The steps of a path, list indices as text.

    >>> steps_of('workerPools[1].labels["example.org/tier"]')
    ['workerPools', '1', 'labels', 'example.org/tier']
    """
    return [
        quoted_step or bare_step
        for quoted_step, bare_step in re.findall(r'\["((?:[^"\\]|\\.)*)"\]|([A-Za-z0-9_-]+)', path)
    ]


def below(path: str, root: str) -> bool:
    """Whether a path is this root, or lies in it.

    >>> below("cluster.name", "cluster"), below("clusters", "cluster")
    (True, False)
    """
    return path == root or (path.startswith(root) and path[len(root)] in ".[")


KAMAJI_FIELD = "is written by Kamaji once the control plane has an address; leave it out"

ELSEWHERE = {
    "controlPlaneEndpoint": KAMAJI_FIELD,
    "passwd": "unknown key: everyone could read a password in the template; set sshAuthorizedKeys instead",
    "projectID": "unknown key; did you mean 'projectId'?",
}
"""Keys of the manifests, or of Cluster API, that are no settings."""


def nearest(key: str, keys: Iterable[str]) -> str:
    """A hint at the key that an unknown one may have meant."""
    if key in ELSEWHERE:
        return ELSEWHERE[key]
    names = sorted(keys)
    names_by_lower = {name.lower(): name for name in reversed(names)}
    close = difflib.get_close_matches(
        key.lower().replace("_", "").replace("-", ""), list(names_by_lower), n=1, cutoff=0.6
    )
    if close:
        return f"unknown key; did you mean {names_by_lower[close[0]]!r}?"
    return f"unknown key; known are {', '.join(names)}"
