"""What others said, made fit for a terminal and a log."""

from __future__ import annotations


def one_line(text: str) -> str:
    """A text that leaves the line and the terminal as they are: what a stranger answered may hold anything.

    >>> one_line("refused:\\n\\x1b[2Jgone")
    'refused: �[2Jgone'
    """
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in " ".join(text.split()))
