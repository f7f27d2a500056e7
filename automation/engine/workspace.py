"""Opening a stack: which program, which backend, which environment."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pulumi import automation
from pydantic import SecretStr

from ...components.settings.load import stack_keys
from ...components.settings.namespace import NAMESPACE
from .. import configuration
from ..errors import ConfigurationError, StackMissing
from .answers import EMPTY, Look, Workspace, forget_config, without_history
from .channels import separate_engines
from .process import Engine

PROJECT = "kamaji-equinix"


separate_engines()

# `pulumi stack init` writes the selected stack into one file of the user's (pulumi issue 8186).
_selection = threading.Lock()


@dataclass(frozen=True)
class Place:
    """Where a stack is, and the environment of its engine.

    Attributes:
        name: the stack's name.
        folder: the project's folder, with a program of its own; None for the program of this package.
        project: the project's name, where there is no folder.
        backend_url: the backend; by default ``$PULUMI_BACKEND_URL``, else the one that ``pulumi login`` chose.
        secrets_provider: as ``pulumi stack init --secrets-provider`` takes it; by default the backend's own.
        environment: variables for the engine.
    """

    name: str
    folder: Path | None
    project: str
    backend_url: str | None
    secrets_provider: str | None
    environment: Mapping[str, str]

    @property
    def backend(self) -> str:
        """The backend's URL, empty for the one that ``pulumi login`` chose."""
        return absolute(
            self.backend_url or self.environment.get("PULUMI_BACKEND_URL", os.environ.get("PULUMI_BACKEND_URL", ""))
        )

    def variables(self) -> dict[str, str]:
        """The variables that the engine's environment has beside this process's own.

        ``PULUMI_PYTHON_CMD``: the plugin of an inline program starts as plain ``python3`` otherwise, without this package
        (pulumi issue 7960).
        """
        backend = {"PULUMI_BACKEND_URL": self.backend} if self.backend else {}
        return {"PULUMI_PYTHON_CMD": sys.executable, "PULUMI_SKIP_UPDATE_CHECK": "1", **backend, **self.environment}

    def require_passphrase(self) -> None:
        """Check that secrets can be encrypted, before a stack is created that could not hold any.

        Raises:
            ConfigurationError: the backend has no keys, and there is no passphrase.
        """
        has_keys = not self.backend or self.backend.startswith(("https://", "http://"))
        environment = {**os.environ, **self.environment}
        if has_keys or self.secrets_provider not in (None, "default", "passphrase"):
            return
        if "PULUMI_CONFIG_PASSPHRASE" not in environment and "PULUMI_CONFIG_PASSPHRASE_FILE" not in environment:
            raise ConfigurationError(
                f"stack {self.name}: the backend {self.backend} encrypts secrets with a passphrase, and none was given: pass "
                "`passphrase`, or set PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE, or choose another "
                "`secrets_provider`",
                stack=self.name,
            )


def absolute(url: str) -> str:
    """A backend's URL with an absolute folder: the engine of an inline program runs in another one.

    >>> absolute("s3://bucket"), absolute("file:///state"), absolute("file://~/state")
    ('s3://bucket', 'file:///state', 'file://~/state')
    """
    folder = url.removeprefix("file://")
    if folder == url or folder.startswith(("/", "~")):
        return url
    return f"file://{Path(folder).resolve()}"


def open_stack(
    place: Place,
    engine: Engine,
    program: Callable[[], None] | None,
    temporary: Path,
    *,
    create: bool = False,
    look: bool = False,
) -> tuple[automation.Stack, bool]:
    """Open a stack.

    Args:
        place: where it is.
        engine: runs pulumi.
        program: the inline program; None where the folder holds one.
        temporary: an empty folder that only this user can read, and that is deleted afterwards: the Kubernetes provider
            leaves a copy of the kubeconfig in its folder for temporary files (pulumi-kubernetes, pkg/provider/provider.go:
            the file is for Helm's settings, and nothing removes it).
        create: create the stack where the backend has none of that name.
        look: for one question, which fails where there is no such stack.

    Returns:
        The stack, and whether it is new.

    Raises:
        ConfigurationError: no project in the folder, or no passphrase.
        StackNotFoundError: no such stack.
        CommandError: the backend can't be reached, or another failure of pulumi.
    """
    if place.folder is not None and not (place.folder / "Pulumi.yaml").is_file():
        raise ConfigurationError(f"{place.folder} holds no Pulumi.yaml; name the project's folder with --cwd")
    place.require_passphrase()
    inline = place.folder is None
    work_dir, temporary_files = temporary / "project", temporary / "tmp"
    for folder in (work_dir, temporary_files):
        folder.mkdir()
    workspace = (Look if look else Workspace)(
        work_dir=str(place.folder or work_dir),
        program=program if inline else None,
        env_vars={**place.variables(), "TMPDIR": str(temporary_files)},
        secrets_provider=place.secrets_provider,
        project_settings=automation.ProjectSettings(name=place.project, runtime="python") if inline else None,
        pulumi_command=engine,
    )
    try:
        return without_history(automation.Stack.select(place.name, workspace)), False
    except automation.StackNotFoundError:
        if not create:
            raise
    try:
        with _selection:
            stack = without_history(automation.Stack.create(place.name, workspace))
        workspace.state = EMPTY
        return stack, True
    except automation.StackAlreadyExistsError:
        # Another process was faster.
        return without_history(automation.Stack.select(place.name, workspace)), False


def missing_stack_error(place: Place) -> StackMissing:
    """The error for a stack that the backend does not have."""
    return StackMissing(
        f"the backend {place.backend or 'that pulumi is logged in to'} has no stack {place.name!r}; "
        f"`kamaji-equinix up --stack {place.name}` creates it",
        stack=place.name,
    )


@contextlib.contextmanager
def preserve_file(place: Place) -> Iterator[None]:
    """Restore the stack's file afterwards: the creation of a stack writes its salt into it."""
    path = place.folder and place.folder / f"Pulumi.{place.name.rpartition('/')[2]}.yaml"
    before = path.read_bytes() if path and path.is_file() else None
    try:
        yield
    finally:
        if path and before is None:
            path.unlink(missing_ok=True)
        elif path and before is not None and path.read_bytes() != before:
            path.write_bytes(before)


def forget(stack: automation.Stack) -> None:
    """Remove a stack that was created for a look; one that has resources by now stays, because pulumi refuses."""
    with contextlib.suppress(automation.CommandError):
        # Not the engine of the operation, which may have to stop.
        Engine(stack.workspace.pulumi_command).run(
            ["stack", "rm", "--yes", "--preserve-config", "--stack", stack.name],
            str(stack.workspace.work_dir),
            stack.workspace.env_vars,
        )


def export(stack: automation.Stack) -> str:
    """A stack's state as pulumi exports it, with its secrets encrypted."""
    return _pulumi(stack, "stack", "export").stdout


def restore(stack: automation.Stack, state: str) -> None:
    """Restore a former state of a stack.

    Raises:
        automation.CommandError: pulumi refuses.
    """
    _pulumi(stack, "stack", "import", text=state)


def cancel(stack: automation.Stack) -> None:
    """Delete all locks of a stack.

    Raises:
        automation.CommandError: pulumi refuses.
    """
    _pulumi(stack, "cancel", "--yes")


def _pulumi(stack: automation.Stack, *arguments: str, text: str | None = None) -> automation.CommandResult:
    # Not the engine of the operation, which may have to stop.
    workspace = stack.workspace
    return Engine(workspace.pulumi_command).run(
        [*arguments, "--stack", stack.name], str(workspace.work_dir), workspace.env_vars, text=text
    )


def configure(stack: automation.Stack, engine: Engine, sections: Mapping[str, Any]) -> None:
    """Write sections into a stack's configuration, which has no others then: those of a file would be their defaults.

    Secrets go to pulumi by its stdin, never by arguments.
    """
    forget_config(stack)
    folder = Path(stack.workspace.work_dir)
    secrets: dict[str, SecretStr] = {}
    plain = configuration.apart(sections, "", secrets)
    # `Pulumi.<stack>.yaml` goes by the name without organization and project.
    short = stack.name.rpartition("/")[2]
    absent = [key for key in stack_keys() if key not in plain]
    configuration.write_plain(folder / f"Pulumi.{short}.yaml", plain, absent)
    for path, value in secrets.items():
        engine.run(
            ["config", "set", "--secret", "--path", f"{NAMESPACE}:{path}", "--stack", stack.name],
            str(folder),
            stack.workspace.env_vars,
            # pulumi takes one line break off the end.
            text=f"{value.get_secret_value()}\n",
        )
