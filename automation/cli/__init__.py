"""The console script: its command line, and how an operation is shown on a terminal, in a pipe and in a file.

The typed API does the operations; nothing here opens a stack by itself.
"""

from .command_line import main

__all__ = ["main"]
