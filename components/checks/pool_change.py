"""The effect of a run on the machines of one pool, and its line, which the program writes and its caller reads. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

VERBS = {"deleted": "will be deleted", "rolled": "will roll", "added": "will be added"}
NONE = "none goes by itself"

FORMER = "they joined a control plane that is gone, and can't join the new one"
"""A reason: machines that no controller replaces by itself."""

DELETED_DEPLOYMENT = (
    "somebody else has deleted its MachineDeployment; `kamaji-equinix up` or `pulumi up --refresh` creates it again"
)
"""A reason: machines that were deleted from outside."""

_VERB = "|".join(VERBS.values())
_LINE = re.compile(
    r"machines of (?P<cluster>\S+/\S+), pool (?P<pool>\S+): "
    rf"(?P<counts>{NONE}|\d+ (?:{_VERB})(?:, \d+ (?:{_VERB}))*)(?:; (?P<reason>.*))?"
)


@dataclass(frozen=True)
class PoolChange:
    """The effect of a run on the machines of one pool.

    Attributes:
        cluster: namespace and name of the Cluster.
        pool: the pool's name.
        deleted: machines that are deleted without replacement.
        rolled: machines that are replaced by new ones, as the pool's strategy allows.
        added: new machines.
        reason: why.
    """

    cluster: str
    pool: str
    deleted: int = 0
    rolled: int = 0
    added: int = 0
    reason: str = ""

    @property
    def loses(self) -> bool:
        """Whether a machine is deleted or replaced, should be replaced, or was deleted from outside."""
        return bool(self.deleted or self.rolled or FORMER in self.reason or DELETED_DEPLOYMENT in self.reason)

    def __str__(self) -> str:
        numbers = [(getattr(self, field), verb) for field, verb in VERBS.items()]
        text = ", ".join(f"{number} {verb}" for number, verb in numbers if number) or NONE
        return f"machines of {self.cluster}, pool {self.pool}: {text}" + (f"; {self.reason}" if self.reason else "")


def change_in(line: str) -> PoolChange | None:
    """The change that a line reports; None where it is about something else."""
    match = _LINE.fullmatch(line)
    if match is None:
        return None
    numbers = {verb: int(number) for number, verb in re.findall(rf"(\d+) ({_VERB})", match["counts"])}
    deletions, replacements, additions = (numbers.get(verb, 0) for verb in VERBS.values())
    return PoolChange(match["cluster"], match["pool"], deletions, replacements, additions, match["reason"] or "")
