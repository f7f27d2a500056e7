"""The next step after an engine's failure. "Running it again goes on from here" stands only where nothing else is needed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from .death import EngineDied
from .remote_errors import ENGINE_GONE

GO_ON = "Running it again goes on from here."

RESUMABLE = ("up", "destroy")
"""Operations that go on where an earlier one stopped. The others begin anew."""

TRANSIENT = re.compile(
    rf"{re.escape(ENGINE_GONE)}|exited prematurely|code = Unavailable|error reading from server: EOF|exit code: -1$|"
    r"please apply your changes to the latest version|"
    r"TooManyRequests|Too Many Requests|currently unable to handle the request|ServiceUnavailable|"
    r"connection reset by peer|unexpected EOF|TLS handshake timeout|etcdserver: (?:request timed out|leader changed)"
)
"""Causes that pass by themselves: a plugin that died, a conflict of two writers, an API server under load."""

SUMMARY = re.compile(r"(?:update|destroy|refresh|preview|import) failed|resource \S+ errored")
"""Messages that only repeat that something has failed."""

REMEDIES = (
    (
        re.compile(r"because it is protected", re.IGNORECASE),
        "A protected resource stays: set `cluster.protect: false` and run `up`, or use the command that the message names",
    ),
    (
        re.compile(
            r"Unauthorized|asked for the client to provide credentials|certificate has expired|[Tt]oken (?:has|is) expired"
        ),
        "Renew the credentials that are refused; those of the management cluster are in `management`",
    ),
    (
        re.compile(r'User "[^"]*" cannot \w+ '),
        "Grant the right that the message names (docs/rbac.yaml holds all of them)",
    ),
    (
        re.compile(
            r"denied the request|is invalid:|Invalid value|is immutable|exceeded quota|violates PodSecurity|Apply failed with"
        ),
        "The API server refuses this: change the setting, or the object, that the message names",
    ),
    (
        re.compile(r"[Uu]nable to connect|cluster is unreachable|connection refused|no such host|no route to host"),
        "Make the server that the message names reachable",
    ),
    (
        re.compile(
            r"no resource plugin|[Cc]ould not automatically download and install|"
            r"could not find (?:a )?(?:latest version of )?(?:the )?provider|failed to install plugin"
        ),
        "Install the plugin that the message names",
    ),
    (
        re.compile(r"incorrect passphrase|passphrase must be set|decrypting|decryption failed"),
        "Pass the passphrase with which the stack was created",
    ),
    (re.compile(r"no space left on device"), "Make room on the disk"),
    (
        re.compile(r"unhandled exception|inline source runtime error|Traceback \(most recent call last\)"),
        "The program itself ended with that exception: correct its cause",
    ),
)
"""Causes with which running it again fails in the same way, and what ends each."""


def is_summary(text: str) -> bool:
    """Whether a message only repeats that something has failed."""
    return bool(SUMMARY.fullmatch(text.strip()))


def after_failure(operation: str, messages: Iterable[str]) -> str:
    """What to do next, in sentences.

    Args:
        operation: its name.
        messages: the engine's error messages.
    """
    causes = [text for text in messages if not is_summary(text)]
    again = "run it again: it goes on from here" if operation in RESUMABLE else "run it again"
    if steps := [step for pattern, step in REMEDIES if any(map(pattern.search, causes))]:
        return f"{'. '.join(steps)}. Then {again}."
    if causes and all(map(TRANSIENT.search, causes)):
        return GO_ON if operation in RESUMABLE else "Run it again."
    if not causes:
        return f"No cause is reported. Look into the whole output (`--log FILE`, or the error's `output`), or {again}."
    return f"Once the cause is mended, {again}."


def after_stop(operation: str) -> str:
    """What became of an operation that was stopped on request, and what to do next."""
    if operation == "destroy":
        return "a further destroy goes on from there; until then machines and servers may be on"
    if operation in RESUMABLE:
        return "the next up or destroy goes on from there"
    if operation == "refresh":
        return "the state holds what it had compared by then; the next refresh compares all"
    return "the stack is as it was before" if operation == "import" else "nothing was changed"


def after_message_of_pulumi(text: str) -> str:
    """What to do next where pulumi has started no operation; empty where its own text is all that is known."""
    steps = [step for pattern, step in REMEDIES if pattern.search(text)]
    return f"{'. '.join(steps)}. Then run it again." if steps else ""


def after_death(operation: str, stack: str, backend: str, death: EngineDied) -> str:
    """What to do next, in sentences, after the engine has died.

    Args:
        operation: its name.
        stack: the stack's name.
        backend: its URL; empty for the one that ``pulumi login`` chose.
        death: how it died.
    """
    memory = "Give the machine, or the container, more memory. " if death.kills and death.memory() else ""
    if operation == "import":
        return f"{memory}Import again: the stack is as it was before."
    if operation not in (*RESUMABLE, "refresh"):
        return f"{memory}Nothing was changed: run it again."
    goal = "compares anew" if operation == "refresh" else "looks up what that one was creating or deleting, and goes on"
    command = f"`kamaji-equinix {operation} --stack {stack}`"
    # Pulumi Cloud gives leases, and names no process that could be seen to be dead.
    release = f"`pulumi cancel --yes --stack {stack}`"
    if backend.startswith(("https://", "http://")):
        return f"{memory}{release} releases the stack from the dead engine. Then run {command} again: it {goal}."
    cloud = "" if backend else f" (in Pulumi Cloud {release} clears it)"
    return f"{memory}Run {command} again: it clears the lock that the dead engine has left{cloud}, {goal}."


def headline(text: str) -> str:
    """The line of a message that says most: its first, or the last one of a traceback."""
    lines: Sequence[str] = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines:
        return ""
    return lines[-1] if any(line.startswith("Traceback (most recent call last)") for line in lines) else lines[0]
