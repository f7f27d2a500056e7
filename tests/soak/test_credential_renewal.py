"""Waits of minutes with tokens of 20 seconds, on a real API server."""

from __future__ import annotations

from pathlib import Path

from lab.plane import ManagementPlane
from tests.support.short_tokens import outlive


def test_handoffs_and_waits_of_minutes_do_with_tokens_of_20_seconds(
    management: ManagementPlane, tmp_path: Path
) -> None:
    outlive(management, tmp_path, life=20, waits=100)
