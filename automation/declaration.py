"""The declaration of a stack: the settings that its caller passed, or those of its file, and their program."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pulumi import automation

from ..components import stack as program
from ..components.kube.access import AccessError
from ..components.kube.management import connect
from ..components.settings.model import StackSettings
from . import configuration
from .engine.process import Engine
from .engine.workspace import Place, configure
from .errors import ConfigurationError, PreflightFailed
from .repair import renewal

if TYPE_CHECKING:
    from ..components.kube.client import Api


@dataclass(frozen=True)
class Declaration:
    """The declaration of one stack.

    Attributes:
        place: where the stack is.
        settings: checked settings that the caller passed; None where those of the stack's file are used.
        base: folder that relative paths of the settings start from.
    """

    place: Place
    settings: StackSettings | None
    base: Path

    def of(self, stack: automation.Stack) -> StackSettings:
        """The settings of an open stack.

        Raises:
            ConfigurationError: those of its file are wrong.
        """
        return self.settings or configuration.of_stack(stack)

    def run(self) -> None:
        """The inline program, of a stack without a folder: such a stack has settings that its caller passed."""
        if self.settings is not None:
            program.bring_up(self.settings)

    def configure(self, stack: automation.Stack, engine: Engine) -> StackSettings:
        """Write the configuration that the program and the plugin of the hand-off read.

        Returns:
            The settings.

        Raises:
            ConfigurationError: the settings of the stack's file are wrong; raised before the engine starts.
        """
        if self.settings is None:
            return configuration.of_stack(stack)
        sections = configuration.sections(self.settings, self.base)
        if self.place.folder is None:
            sections.pop("clusters")
        configure(stack, engine, sections)
        return self.settings

    def adopt(self, stack: automation.Stack) -> None:
        """Let the next operation adopt living clusters that the stack has not created."""
        settings = self.settings
        if self.place.folder is not None or settings is None:
            stack.workspace.env_vars = {**stack.workspace.env_vars, program.ADOPTS: "1"}
            return

        def adopting() -> None:
            program.bring_up(settings, adopts=True)

        stack.workspace.program = adopting

    def contents(self, stack: automation.Stack) -> renewal.StackContents:
        """The resources of an open stack before a destroy, and its management cluster.

        Raises:
            PreflightFailed: the management cluster does not answer; nothing was changed.
        """
        return renewal.stack_contents(stack, self.place.folder, self.management_of)

    def renew(self, stack: automation.Stack, before: renewal.StackContents) -> bool:
        """Let the next destroy renew the credentials in the state, where that is possible and safe.

        Returns:
            Whether the destroy is to run the program, which then registers nothing but the provider.
        """
        if not renewal.prepare(stack, self.place.folder, before):
            return False
        if self.place.folder is None:
            management = self.of(stack).management

            def provider_alone() -> None:
                program.management_provider(management)

            stack.workspace.program = provider_alone
        return True

    def management_of(self, stack: automation.Stack) -> Api:
        """The API of an open stack's management cluster.

        Raises:
            ConfigurationError: the settings of its file are wrong.
            PreflightFailed: the credentials can't be used.
        """
        return self.management(self.of(stack))

    def management(self, settings: StackSettings) -> Api:
        """The API of the management cluster that settings name.

        Raises:
            PreflightFailed: the credentials can't be used.
        """
        settings = configuration.with_absolute_paths(settings, self.base, self.place.environment)
        try:
            return connect(settings.management, self.base)
        except AccessError as error:
            raise PreflightFailed(str(error), stack=self.place.name, seen=str(error)) from error

    def require_file(self) -> None:
        """Check that a stack of a folder has its file, so that no stack is created under a mistyped name.

        Raises:
            ConfigurationError: it has none, and no other source of settings.
        """
        name, folder = self.place.name, self.place.folder
        if folder is None or self.settings is not None or not (folder / "Pulumi.yaml").is_file():
            return
        path = folder / f"Pulumi.{name.rpartition('/')[2]}.yaml"
        # A project may keep its stacks' files, or their settings, elsewhere.
        if not path.is_file() and not re.search(
            r"^(stackConfigDir|config)\s*:", (folder / "Pulumi.yaml").read_text(), re.M
        ):
            raise ConfigurationError(
                f"stack {name}: there is no {path.name} in {folder}; --stack names another stack, and "
                f"`pulumi stack init {name}` with `pulumi config set` begins a new one",
                stack=name,
            )
