"""What a stack puts out."""

from __future__ import annotations

import json
from typing import Any

from .project import Project


def stack_outputs(project: Project, stack: str) -> dict[str, Any]:
    """A stack's outputs, its secrets in clear."""
    text = project.pulumi("stack", "output", "--json", "--show-secrets", "--stack", stack).ok()
    outputs: dict[str, Any] = json.loads(text)
    return outputs
