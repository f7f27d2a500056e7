"""A stack's file is read as the engine reads it: the same values of every key, and the same files refused."""

from __future__ import annotations

import os

import pytest

from tests.support.engine_reading import EngineReader
from tests.support.reading_cases import WHOLE_FILES, Comparison, generate


@pytest.fixture(scope="module")
def comparison(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    """Compares with the real engine."""
    return Comparison(EngineReader.make(tmp_path_factory.mktemp("reading"), os.environ))


def test_every_value_is_the_one_that_the_engine_reads(comparison: Comparison) -> None:
    comparison.compare(generate(150, seed=1), refusals=25)
    assert comparison.counts["values"] >= 250, f"many values were compared: {comparison.counts}"
    assert comparison.counts["refused"] >= 25, f"and files that both refuse: {comparison.counts}"


@pytest.mark.parametrize("name", WHOLE_FILES)
def test_every_file_is_taken_or_refused_as_the_engine_does(comparison: Comparison, name: str) -> None:
    comparison.compare_file(WHOLE_FILES[name])
