"""The programs that the lab and the tests run: found where they are, built once from pinned Go modules where not.

``program`` and ``module_folder`` look things up, ``ensure`` builds, ``pulumi_environment`` says how to call the engine.
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
