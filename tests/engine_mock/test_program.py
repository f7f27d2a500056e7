"""The program of a stack with checked settings, as an inline program runs it."""

from __future__ import annotations

import pulumi
import pytest
from kamaji_equinix.components import stack
from kamaji_equinix.components.settings.load import load_stack

from tests.engine_mock.test_tenant_cluster import RAW
from tests.support.mock_engine import record


def test_a_chart_that_is_not_there_ends_the_program_before_anything_is_asked_or_registered() -> None:
    # `management` leads nowhere: a program that asked the management cluster would say that instead.
    settings = load_stack({**RAW, "addons": [{"name": "one", "chart": "./nowhere"}]}, frozenset({"management"}))
    with pytest.raises(pulumi.RunError, match=r"addons\[0\]\.chart.*there is no Chart\.yaml"):
        record(lambda: stack.bring_up(settings))
