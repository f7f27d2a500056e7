"""Text from elsewhere, made safe for a terminal and a log."""

from __future__ import annotations


def single_line(text: str) -> str:
    """A text without line ends and control characters, which a server's answer may hold.

    >>> single_line("refused:\\n\\x1b[2Jgone")
    'refused: �[2Jgone'
    """
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in " ".join(text.split()))
