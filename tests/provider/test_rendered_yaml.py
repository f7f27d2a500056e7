"""Rendered YAML means to kubectl, and so to Go, what the manifests say."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from kamaji_equinix.components.manifests.documents import documents
from kamaji_equinix.components.render import document, render
from kamaji_equinix.components.settings.load import load_stack
from kamaji_equinix.components.settings.stack_file import read_stack_file

from tests.support.engine_reading import FRAGMENTS, WORDS
from tests.support.seed import ROOT
from tests.support.settings_cases import FULL

KUBECTL = Path(sys.executable).parent / "kubectl"


def by_kubectl(text: str, folder: Path) -> list[dict[str, Any]]:
    """The objects that kubectl reads, without a cluster; it adds an annotation, which is taken off again."""
    (folder / "rendered.yaml").write_text(text, encoding="utf-8")
    process = subprocess.run(
        [KUBECTL, "annotate", "--local", "-f", folder / "rendered.yaml", "read=yes", "-o", "json"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    decoder, items, rest = json.JSONDecoder(), [], process.stdout.strip()
    while rest:
        item, end = decoder.raw_decode(rest)
        items.append(item)
        rest = rest[end:].strip()
    for item in items:
        item["metadata"]["annotations"].pop("read")
        if not item["metadata"]["annotations"]:
            del item["metadata"]["annotations"]
    return items


@pytest.mark.parametrize("example", ["dev", "seed", "staging", "production", "full"])
def test_every_document_of_an_example_comes_back_as_it_was(example: str, tmp_path: Path) -> None:
    stack = load_stack(FULL) if example == "full" else load_stack(*read_stack_file(ROOT / f"Pulumi.{example}.yaml"))
    manifests = [manifest for tenant in stack.clusters for manifest in documents(tenant)]
    unique = {json.dumps([item["kind"], item["metadata"]["name"]]): item for item in manifests}
    objects = by_kubectl(render(stack), tmp_path)
    assert objects == json.loads(json.dumps(list(unique.values()))), "kubectl reads the same objects"


def test_any_text_comes_back_as_it_was(tmp_path: Path) -> None:
    texts = [*WORDS, *FRAGMENTS]

    @settings(
        max_examples=300, deadline=None, database=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate]
    )
    @given(
        st.one_of(
            st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=12),
            st.from_regex(r"[-+0-9._:eExobTZ ]{1,10}", fullmatch=True),
            st.text("ab01:#-?!&*|>%@`'\"[]{}, \t\n", max_size=10),
        )
    )
    def collect(text: str) -> None:
        texts.append(text)

    collect()
    unique = list(dict.fromkeys(texts))
    names = {text: "" for text in unique if text}
    obj = {
        "apiVersion": "example.org/v1",
        "kind": "Texts",
        "metadata": {"name": "a"},
        "values": unique,
        "nested": [{"a": [text]} for text in unique[:200]],
        "names": names,
    }
    (result,) = by_kubectl(document(obj, ""), tmp_path)
    for index, text in enumerate(unique):
        assert result["values"][index] == text, f"{text!r} is read as {result['values'][index]!r}"
    assert result["nested"] == obj["nested"], "at any depth"
    assert result["names"] == names, "and as names"
    assert len(unique) > 500, "many texts were tried"
