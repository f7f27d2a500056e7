"""Clusters from other code: one stack, its settings in, typed results and events out."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from pathlib import Path

from pulumi import automation
from pydantic import SecretStr

from ..components import tree
from ..components.settings.model import StackSettings
from . import configuration, results
from .arguments import ProjectName, Seconds, StackName, Text, check_arguments
from .configuration import Settings
from .declaration import Declaration
from .engine.process import Cancellation
from .engine.translator import Translator
from .engine.workspace import PROJECT, Place
from .errors import ConfigurationError, StackMissing
from .events import Listener, MachinesChange
from .operations import Operations
from .readiness import OnLook, await_ready
from .results import Result
from .secret_filter import SecretFilter
from .session import EngineOutput, Session


class ClusterStack:
    """One stack of tenant clusters.

    With settings alone the program is the one in this package, run in the caller's process, and only the backend stores
    state. With a folder it is that folder's program and its ``Pulumi.<stack>.yaml``, as ``pulumi up`` runs it.

    One object runs one operation at a time; different objects may run in different threads.
    """

    @check_arguments
    def __init__(
        self,
        name: StackName,
        settings: Settings | None = None,
        *,
        folder: Path | None = None,
        project: ProjectName = PROJECT,
        backend_url: Text | None = None,
        secrets_provider: Text | None = None,
        passphrase: SecretStr | str | None = None,
        environment: Mapping[str, str] | None = None,
        wait_for_lock: Seconds = 0,
        on_event: Listener | None = None,
        on_output: Callable[[str], object] | None = None,
    ) -> None:
        """Nothing is opened or created yet.

        Args:
            name: the stack's name.
            settings: settings of the clusters, checked here; required without a folder. With one they are written into the
                stack's file before each preview and up, and are all that it says of clusters and ``management`` then.
            folder: folder of a Pulumi.yaml with a program of its own.
            project: the project's name, where there is no folder.
            backend_url: the backend, such as ``s3://bucket``; by default ``$PULUMI_BACKEND_URL``, else the one that
                ``pulumi login`` chose.
            secrets_provider: how a new stack encrypts secrets, such as ``awskms://...``; by default the backend's way.
            passphrase: for backends that encrypt with one; by default ``$PULUMI_CONFIG_PASSPHRASE``.
            environment: further variables for the engine; KUBECONFIG among them is the management cluster's, as everywhere.
            wait_for_lock: seconds to wait for another update to leave the stack, before :class:`Locked` is raised.
            on_event: takes each event of all operations of this object.
            on_output: takes each line that the engine prints.

        Raises:
            ConfigurationError: the settings are wrong, or there are neither settings nor a folder.
            ToolMissing: there is no usable ``pulumi``.
        """
        if settings is None and folder is None:
            raise ConfigurationError(f"stack {name}: pass settings, or the folder of a Pulumi project")
        self.name = name
        # Relative paths are resolved now: the working folder may change later.
        base = (folder or Path()).resolve()
        stack_settings = (
            None
            if settings is None
            else configuration.with_absolute_paths(configuration.check(settings), base, environment)
        )
        secret = passphrase.get_secret_value() if isinstance(passphrase, SecretStr) else passphrase
        variables = {**(environment or {}), **({} if secret is None else {"PULUMI_CONFIG_PASSPHRASE": secret})}
        place = Place(name, base if folder else None, project, backend_url, secrets_provider, variables)
        self._declaration = Declaration(place, stack_settings, base)
        secret_filter = SecretFilter(stack_settings)
        self._session = Session(
            place,
            self._declaration.run,
            self._declaration.of,
            self._declaration.management,
            wait_for_lock,
            on_event,
            secret_filter.output(on_output),
            secret_filter,
        )
        self._operations = Operations(self._declaration, self._session)

    # Operations

    @check_arguments
    def preview(self, *, cancellation: Cancellation | None = None, timeout: Seconds | None = None) -> Result:
        """The changes that ``up`` would make. Nothing is changed, and a stack that does not exist is not created.

        Args:
            cancellation: stops it on request.
            timeout: seconds after which it is stopped.

        Raises:
            OperationError: see ``automation.errors``.
        """
        self._declaration.require_file()
        return self._session.operate("preview", self._operations.preview, cancellation, timeout, keep=False)

    @check_arguments
    def up(
        self,
        *,
        wait: Seconds | None = None,
        on_look: OnLook | None = None,
        cancellation: Cancellation | None = None,
        timeout: Seconds | None = None,
    ) -> Result:
        """Create or change the clusters. Ends after the hand-off: machines have been ordered, but may not exist yet.

        Args:
            wait: seconds to wait after that until all clusters with their machines are ready; None does not wait.
            on_look: takes each look at a cluster while it waits, with its status tree.
            cancellation: stops it on request.
            timeout: seconds after which the engine is stopped.

        Raises:
            OperationError: see ``automation.errors``.
        """
        self._declaration.require_file()
        declarations: list[StackSettings] = []

        def run(stack: automation.Stack, translate: Translator) -> EngineOutput:
            declarations.append(self._declaration.configure(stack, self._session.engine))
            return self._operations.up(stack, translate)

        def after(seconds: float) -> None:
            if wait is not None:
                self._await(declarations[-1], wait, cancellation, on_look, seconds)

        return self._session.operate("up", run, cancellation, timeout, after=after)

    @check_arguments
    def refresh(self, *, cancellation: Cancellation | None = None, timeout: Seconds | None = None) -> Result:
        """Compare the state with the management cluster; the next ``up`` repairs what has drifted.

        Raises:
            OperationError: see ``automation.errors``.
        """
        return self._session.operate("refresh", self._operations.refresh, cancellation, timeout, create=False)

    @check_arguments
    def destroy(
        self, *, remove: bool = False, cancellation: Cancellation | None = None, timeout: Seconds | None = None
    ) -> Result:
        """Report the machines that will be deleted, delete the clusters, and wait until no object or machine is left.

        A stack that does not exist has nothing to delete: that is no error.

        Args:
            remove: forget the stack itself with its history, too. The stack's file stays.
            cancellation: stops it on request.
            timeout: seconds after which it is stopped.

        Raises:
            OperationError: see ``automation.errors``.
        """
        run = functools.partial(self._operations.destroy, remove=remove)
        try:
            return self._session.operate("destroy", run, cancellation, timeout, create=False)
        except StackMissing:
            return Result("destroy", self.name, {}, 0.0)

    @check_arguments
    def import_existing(self, *, cancellation: Cancellation | None = None, timeout: Seconds | None = None) -> Result:
        """Adopt living clusters, made by ``kubectl apply`` or another tool, into this stack, which is then as after ``up``.

        The API server applies the stack's manifests to the live objects, so nothing is created a second time and no machine
        is touched. A live template keeps its name where it has the content of the settings. Where a live object differs from
        the settings in a field that somebody else manages, an error reports that before anything is written: change the
        settings, or release the field there. An import that fails later leaves the stack as it was.

        Raises:
            ConfigurationError: a cluster of the settings does not exist, or differs from them.
            OperationError: see ``automation.errors``.
        """
        self._declaration.require_file()
        return self._session.operate("import", self._operations.import_, cancellation, timeout, undo=True)

    # Looking

    def settings(self) -> StackSettings:
        """The checked settings of the stack: those of the caller, else those of its file.

        Raises:
            ConfigurationError: the file's are wrong.
        """
        return self._settings()

    def clusters(self) -> dict[str, results.ClusterResult]:
        """The clusters by name, as the last ``up`` left them.

        Raises:
            StackMissing: there is no such stack.
        """
        with self._session.look("outputs") as stack:
            return results.clusters_of(stack.outputs())

    def deletions(self) -> tuple[MachinesChange, ...]:
        """The machines that ``destroy`` would delete, by pool; nothing is changed.

        Raises:
            StackMissing: there is no such stack.
            PreflightFailed: the stack has protected resources, or its management cluster does not answer.
        """
        translate = Translator(self.name, self._session.on_event, self._session.secret_filter)
        with self._session.look("machines") as stack:
            self._operations.announce(stack, translate)
        return tuple(translate.machines)

    @check_arguments
    def kubeconfig(self, cluster: str | None = None) -> SecretStr:
        """The admin kubeconfig of a cluster; printing it shows nothing.

        Args:
            cluster: its name; needed where the stack has several.

        Raises:
            ConfigurationError: no such cluster, or none has come up yet.
        """
        clusters = self.clusters()
        if not clusters:
            raise ConfigurationError(f"stack {self.name} has no kubeconfig yet: run `up` first", stack=self.name)
        if cluster is None and len(clusters) == 1:
            (cluster,) = clusters
        if cluster not in clusters:
            raise ConfigurationError(
                f"name one of the stack's clusters: {', '.join(sorted(clusters))}", stack=self.name
            )
        return clusters[cluster].kubeconfig

    def status(self) -> dict[str, tree.Tree]:
        """The status tree of each cluster, by its name; what could not be read is in it.

        ``tree.all_blockers`` tells what keeps a cluster from being ready, ``tree.differences`` where it differs from its
        settings.

        Raises:
            PreflightFailed: the credentials of the management cluster can't be used.
        """
        return self._operations.status(self.settings())

    @check_arguments
    def wait_until_ready(
        self, timeout: Seconds = 900, *, cancellation: Cancellation | None = None, on_look: OnLook | None = None
    ) -> None:
        """Wait until every condition of every cluster is true and all machines are complete.

        Args:
            timeout: seconds, for all clusters together.
            cancellation: stops it on request.
            on_look: takes each look at a cluster, with its status tree.

        Raises:
            NotReady: the time is over; names each cluster that is not ready, and what blocks it.
            Cancelled: on request.
        """
        self._await(self.settings(), timeout, cancellation, on_look, 0.0)

    # How

    def _await(
        self,
        settings: StackSettings,
        timeout: float,
        cancel: Cancellation | None,
        on_look: OnLook | None,
        before: float,
    ) -> None:
        api = self._declaration.management(settings)
        translate = Translator(self.name, self._session.on_event, self._session.secret_filter)
        await_ready(api, settings, translate, timeout, cancel or Cancellation(), on_look, before=before)

    def _settings(self) -> StackSettings:
        if self._declaration.settings is not None:
            return self._declaration.settings
        with self._session.look("settings") as stack:
            return configuration.of_stack(stack)
