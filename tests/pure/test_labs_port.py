"""The tests that need the port that only one lab can have."""

from __future__ import annotations

import pytest

from tests.conftest import needs_lab


@pytest.mark.parametrize(
    ("arguments", "needed"),
    [
        (["tests/lab", "tests/pure"], True),
        (["tests/lab/test_z_down.py::test_down_is_harmless_where_nothing_runs"], True),
        (["tests"], True),
        (["tests/soak/test_kills.py"], True),
        (["tests/engine", "tests/provider", "tests/engine_mock", "tests/pure"], False),
        (["tests/pure/test_lab_relay.py"], False),
    ],
)
def test_a_lab_is_needed_by_what_is_in_a_folder_of_its_tests(arguments: list[str], needed: bool) -> None:
    assert needs_lab(arguments) is needed, "a run beside a lab of `make up` fails at once, and no other does"
