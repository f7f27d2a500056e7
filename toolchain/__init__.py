"""The programs that the lab and the tests run; those that are missing are built once from pinned Go modules.

``program`` and ``module_folder`` return paths, ``ensure`` builds, ``pulumi_environment`` returns the engine's environment.
"""

from .build import BuildError, ensure
from .environment import pulumi_environment
from .locate import MissingProgram, find, program
from .pins import PROGRAMS, Program, cache_folder
from .sources import module_folder

__all__ = [
    "PROGRAMS",
    "BuildError",
    "MissingProgram",
    "Program",
    "cache_folder",
    "ensure",
    "find",
    "module_folder",
    "program",
    "pulumi_environment",
]
