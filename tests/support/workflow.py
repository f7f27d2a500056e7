"""Runs the jobs of a GitHub workflow as a runner would, in a clone on this machine."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

EXPRESSION = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")


@dataclass
class Runner:
    """A runner's folder and what its steps share.

    Attributes:
        clone: the repository as it would be checked out.
        folder: for the files that GitHub gives each job.
        values: what each expression of the workflow stands for.
        actions: what each used action leaves in the environment of the steps after it.
        base: the environment that the runner itself has.
        uses: the expressions and actions that were met.
    """

    clone: Path
    folder: Path
    values: Mapping[str, str]
    actions: Mapping[str, Mapping[str, str]]
    base: Mapping[str, str]
    uses: set[str] = field(default_factory=set)

    def run(self, workflow: Mapping[str, Any], event: str) -> dict[str, str]:
        """Run the jobs that an event starts.

        Returns:
            What the steps of each job wrote, the summary at its end, by job.
        """
        results = {}
        for name, job in workflow["jobs"].items():
            if self.is_due(job["if"], event):
                results[name] = self.job(workflow, name, job)
        return results

    def is_due(self, condition: str, event: str) -> bool:
        """Whether a condition of the one form that is known holds."""
        match_ = re.fullmatch(r"github\.event_name == '(\w+)'", condition)
        assert match_, f"a condition that this runner does not know: {condition}"
        return match_[1] == event

    def job(self, workflow: Mapping[str, Any], name: str, job: Mapping[str, Any]) -> str:
        """Run one job, its steps in order; each must succeed."""
        assert workflow["defaults"]["run"]["shell"] == "bash", "the steps are run as GitHub runs `shell: bash`"
        files = {
            key: self.folder / f"{name}-{key.lower()}" for key in ("GITHUB_PATH", "GITHUB_ENV", "GITHUB_STEP_SUMMARY")
        }
        for file in files.values():
            file.write_text("")
        temporary = self.folder / f"{name}-temporary"
        temporary.mkdir(exist_ok=True)
        environment = {**self.base, **{key: str(file) for key, file in files.items()}, "RUNNER_TEMP": str(temporary)}
        environment |= self.resolve({**workflow["env"], **job["env"]})
        lines = []
        for step in job["steps"]:
            if action := step.get("uses"):
                assert action in self.actions, f"an action that this runner does not know: {action}"
                self.uses.add(action)
                self.resolve(step.get("with", {}))
                environment |= self.actions[action]
                continue
            assert set(step) <= {"name", "run", "if"}, f"keys that this runner does not know: {sorted(step)}"
            assert not EXPRESSION.search(step["run"]), f"a value in a script's text could be a command: {step['run']}"
            extra = files["GITHUB_PATH"].read_text().split()
            path = os.pathsep.join([*reversed(extra), environment["PATH"]])
            process = subprocess.run(
                ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
                cwd=self.clone,
                env={**environment, "PATH": path},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=600,
                check=False,
            )
            lines.append(process.stdout)
            assert process.returncode == 0, (
                f"step {step['name']!r} of job {name} ended with {process.returncode}:\n{process.stdout}"
            )
        return "\n".join([*lines, files["GITHUB_STEP_SUMMARY"].read_text()])

    def resolve(self, values: Mapping[str, Any]) -> dict[str, str]:
        """Values with their expressions replaced."""

        def value(match_: re.Match[str]) -> str:
            assert match_[1] in self.values, f"the test gives no value for {match_[0]}"
            self.uses.add(match_[1])
            return self.values[match_[1]]

        return {key: EXPRESSION.sub(value, str(text)) for key, text in values.items()}


def expressions(text: str) -> set[str]:
    """Every expression of a workflow, wherever it stands."""
    return set(EXPRESSION.findall(text))


def load(path: Path) -> dict[str, Any]:
    """A workflow; its `on` is read as the truth value that YAML 1.1 takes it for."""
    document: dict[str, Any] = yaml.safe_load(path.read_text())
    return document


def git(folder: Path, *command: str) -> str:
    """Run git as an author of its own."""
    author = ["-c", "user.name=ann", "-c", "user.email=ann@example.org", "-c", "commit.gpgsign=false"]
    process = subprocess.run(
        ["git", *author, *command], cwd=folder, capture_output=True, text=True, check=False, timeout=60
    )
    assert process.returncode == 0, f"git {' '.join(command)}: {process.stderr}"
    return process.stdout


def publish(root: Path, folder: Path, leave_out: Iterable[str]) -> tuple[Path, Path]:
    """A repository with the checkout's files as its first commit on main.

    Args:
        root: the checkout.
        folder: for it.
        leave_out: folders of the checkout that it does without.

    Returns:
        The repository that others clone, and a clone of it to work in.
    """
    origin, clone = folder / "origin.git", folder / "work"
    folder.mkdir()
    git(folder, "init", "--quiet", "--bare", "--initial-branch=main", str(origin))
    git(folder, "clone", "--quiet", str(origin), str(clone))
    git(clone, "checkout", "--quiet", "-B", "main")
    out = tuple(f"{name}/" for name in leave_out)
    for name in git(root, "ls-files", "--cached", "--others", "--exclude-standard").splitlines():
        if not name.startswith(out) and (root / name).is_file():
            (clone / name).parent.mkdir(parents=True, exist_ok=True)
            (clone / name).write_bytes((root / name).read_bytes())
    git(clone, "add", "--all")
    git(clone, "commit", "--quiet", "-m", "The fleet's program")
    git(clone, "push", "--quiet", "origin", "main")
    return origin, clone
