"""Secrets of the configuration: where they may stand, and that nothing shows them."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from kamaji_equinix.automation import configuration as sections_of
from kamaji_equinix.components import render
from kamaji_equinix.components.capi import naming
from kamaji_equinix.components.manifests import bootstrap
from kamaji_equinix.components.manifests.documents import documents
from kamaji_equinix.components.settings.load import load_stack
from kamaji_equinix.components.settings.report import SettingsError
from kamaji_equinix.components.settings.secrets import mask, secret_paths_of
from kamaji_equinix.components.settings.stack_file import sections
from pydantic import SecretStr

from tests.support.markers import complete, layouts, leaks, leaves, marker, may_be_secret, with_value
from tests.support.settings_cases import configuration

PATHS = sorted(path for path, _ in leaves(complete()))


def reading(raw: dict[str, Any], secret: frozenset[str]) -> str:
    """All that reading a configuration tells: its report, or its settings and warnings."""
    try:
        stack = load_stack(raw, secret)
    except SettingsError as error:
        return f"{error}\n{error.problems!r}"
    warnings = "\n".join(map(str, stack.warnings))
    return f"{stack!r}\n{warnings}\n{documents(stack.clusters[0])!r}\n{render.render(stack)}"


def held_by(raw: Any) -> tuple[dict[str, Any], frozenset[str]]:
    """What a stack's file with these keys holds, and which paths of it are encrypted."""
    whole = {"config": {f"kamaji-equinix:{key}": value for key, value in raw.items()}}
    return sections(yaml.safe_dump(whole).encode())[:2]


@pytest.mark.parametrize("path", PATHS)
def test_a_secret_is_never_shown_and_a_plain_value_is(path: str) -> None:
    text = marker()
    secret = reading(with_value(complete(), path, text), frozenset({path}))
    assert not leaks([text], {"all that is told": secret}), "it is a secret"
    if not may_be_secret(path):
        assert f"{path}: is stored as a secret, but " in secret, f"it would end in clear, so it is refused: {secret}"
    for wrong in (
        "{{ .Foo " + text + " }}",
        f" {text}\x01 ",
        f"-----BEGIN PRIVATE KEY-----\n{text}",
        text + "x" * 20_000,
    ):
        report = reading(with_value(complete(), path, wrong), frozenset({path}))
        assert not leaks([text], {"the report": report}), "nor where it is wrong, too"
    plain = reading(with_value(complete(), path, text), frozenset())
    is_plain = path.startswith("management") or path.endswith("password") or text in plain
    assert is_plain, f"what is no secret is reported, or goes into the manifests, as it is: {plain[:3000]}"


@settings(max_examples=120, deadline=None)
@given(data=st.data(), layout=st.integers(0, len(layouts()) - 1))
def test_no_layout_of_clusters_and_no_provider_shows_a_secret(data: st.DataObject, layout: int) -> None:
    raw: Any = layouts()[layout]
    texts = [path for path, value in leaves(raw) if not isinstance(value, bool)]
    places = data.draw(st.lists(st.sampled_from(texts), min_size=1, max_size=4, unique=True))
    markers = [marker() for _ in places]
    for path, text in zip(places, markers, strict=True):
        form = data.draw(st.sampled_from(["{}", "echo {}", "a\n  {}\n", "{{ .Foo {} }}", " {}\x01 ", "https://a:{}@b"]))
        raw = with_value(raw, path, form.replace("{}", text))
    output = reading(raw, frozenset(places))
    assert not leaks(markers, {"all that is told": output}), f"secrets at {places}"
    for path in places:
        assert may_be_secret(path) or f"{path}: is stored as a secret, but " in output, (
            f"{path} would end in clear: {output}"
        )


@pytest.mark.parametrize("path", PATHS)
def test_an_encrypted_value_is_judged_without_the_engine_as_with_it(path: str) -> None:
    contents, secret = held_by(with_value(complete(), path, {"secure": "v1:x"}))
    assert secret == {path}, "the file tells which path it is"
    report = reading(contents, secret)
    assert "v1:x" not in report, "not even its cipher text is anybody's business"
    assert ("is stored as a secret, but " in report) is not may_be_secret(path), (
        f"the same rule as in a run: {report[:2000]}"
    )


def test_sections_and_lists_that_are_one_secret_are_refused_as_one() -> None:
    for key in ("cluster", "metal", "workerPools", "controlPlane", "handoff", "capi"):
        with pytest.raises(SettingsError) as error:
            load_stack(complete(), frozenset({key}))
        assert [problem.path for problem in error.value.problems] == [key], f"one line, not {error.value}"
        assert "KAMAJI_EQUINIX_STACK_FILE" in str(error.value), "with a way out for a file in another place"


def test_the_file_tells_which_part_of_a_key_is_the_secret() -> None:
    raw = complete()
    path = "workerPools[0].bootstrap.commands[1]"
    contents, _ = held_by(with_value(raw, path, {"secure": "x"}))
    assert secret_paths_of(raw, ["workerPools"], contents) == {path}, "the engine tells only the key"
    assert secret_paths_of(raw, ["workerPools"], {}) == {"workerPools"}, "without the file it may be all of it"
    other = with_value(contents, "workerPools[0].name", "another")
    assert secret_paths_of(raw, ["workerPools"], other) == {path, "workerPools[0].name"}, (
        "what the file does not hold as the engine has it came from elsewhere, and may be secret"
    )


@settings(max_examples=150, deadline=None)
@given(data=st.data(), seed=st.integers(0, 2**32))
def test_what_the_engine_hands_over_is_never_taken_for_plain_unless_the_file_holds_it(
    data: st.DataObject, seed: int
) -> None:
    raw, chance = complete(), random.Random(seed)  # noqa: S311
    secret = set(data.draw(st.lists(st.sampled_from(PATHS), min_size=1, max_size=5)))
    document: Any = raw
    for path in secret:
        document = with_value(document, path, {"secure": "x"})
    if chance.random() < 0.3:
        document = {key: value for key, value in document.items() if chance.random() < 0.7}
    elif chance.random() < 0.3:
        document = with_value(document, chance.choice(PATHS), chance.choice([None, [], {}, 1, "1", True]))
    contents, _ = held_by(document)
    paths = secret_paths_of(raw, {path.partition(".")[0].partition("[")[0] for path in secret}, contents)
    for path in secret:
        assert any(path == place or path.startswith((f"{place}.", f"{place}[")) for place in paths), (
            f"{path} is lost: {paths}"
        )


def test_secret_commands_and_files_go_by_a_secret_and_mean_the_same() -> None:
    raw = configuration()
    raw["workerPools"][0]["bootstrap"] = {
        "commands": ["set -e", SecretStr("login --password=hunter22")],
        "postCommands": [SecretStr("  notify token99")],
        "files": [
            {"path": "/etc/a", "content": "plain"},
            {"path": "/etc/b", "content": SecretStr("pw: hunter33"), "append": True},
        ],
    }
    (tenant,) = load_stack(raw).clusters
    secret = bootstrap.bootstrap_secret(tenant, tenant.worker_pools[0])
    assert secret is not None, "there is something to keep apart"
    clear = {key: value.get_secret_value() for key, value in secret["data"].items()}
    assert clear == {
        "files.1": "pw: hunter33",
        "commands.1": "rm -f /run/kamaji-equinix/commands.1\nlogin --password=hunter22\n",
        "postCommands.0": "rm -f /run/kamaji-equinix/postCommands.0\n  notify token99\n",
    }, "each text by its place; a command removes its file before anything can fail"
    spec = bootstrap.bootstrap_template(tenant, tenant.worker_pools[0])["spec"]["template"]["spec"]
    assert spec["preKubeadmCommands"] == ["set -e", ". /run/kamaji-equinix/commands.1"], "the same shell reads it"
    name = secret["metadata"]["name"]
    sources = {file["path"]: file["contentFrom"]["secret"] for file in spec["files"] if "contentFrom" in file}
    assert sources == {
        "/etc/b": {"name": name, "key": "files.1"},
        "/run/kamaji-equinix/commands.1": {"name": name, "key": "commands.1"},
        "/run/kamaji-equinix/postCommands.0": {"name": name, "key": "postCommands.0"},
    }, "the template only names the texts"
    assert secret["metadata"]["labels"]["pool"] == "worker-a", "labelled as the pool's templates are"


def test_another_secret_is_another_template_and_the_same_is_the_same() -> None:
    def names(text: str) -> tuple[str, str]:
        raw = configuration()
        raw["workerPools"][0]["bootstrap"] = {"commands": [SecretStr(text)]}
        (tenant,) = load_stack(raw).clusters
        whole = {item["kind"]: item["metadata"]["name"] for item in documents(tenant)}
        return whole["Secret"], whole["KubeadmConfigTemplate"]

    first, rerun, second = names("login a"), names("login a"), names("login b")
    assert first == rerun, "nothing rolls without a change"
    assert not set(first) & set(second), "its change rolls the machines as any other"
    assert naming.secret("n", "c", "p", {"a": "1234"}) != naming.secret("m", "c", "p", {"a": "1234"}), (
        "the place is a salt"
    )


def test_rendered_secrets_are_named_placeholders_that_no_api_server_takes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    raw = configuration()
    raw["workerPools"][0]["bootstrap"] = {"commands": [{"secure": "v1:abc"}]}
    path = tmp_path / "Pulumi.x.yaml"
    path.write_text(yaml.safe_dump({"config": {f"kamaji-equinix:{key}": value for key, value in raw.items()}}))
    assert render.main(["--stack", "x", "--cwd", str(tmp_path)]) == 0, "render needs no passphrase"
    whole = {item["kind"]: item for item in yaml.safe_load_all(capsys.readouterr().out) if item}
    assert whole["Secret"]["data"] == {"commands.0": "(secret: commands.0 of the bootstrap of pool worker-a)"}, (
        "no base64"
    )
    for kind in ("Secret", "KubeadmConfigTemplate"):
        assert whole[kind]["metadata"]["name"] == "prod-worker-a-(digest)", "no object can have such a name"


def test_secrets_of_a_program_are_written_apart_from_the_rest(tmp_path: Path) -> None:
    raw = configuration(management={"kubeconfig": "apiVersion: v1", "context": "there"})
    raw["workerPools"][0]["bootstrap"] = {"commands": ["true", SecretStr("login hunter22")]}
    secrets: dict[str, SecretStr] = {}
    plain = sections_of.apart(sections_of.sections(sections_of.check(raw), tmp_path), "", secrets)
    assert {path: text.get_secret_value() for path, text in secrets.items()} == {
        "clusters[0].workerPools[0].bootstrap.commands[1]": "login hunter22",
        "management.kubeconfig": "apiVersion: v1",
    }, "each by the path that pulumi takes"
    text = yaml.safe_dump(plain)
    assert "hunter22" not in text, "what is written into the file holds none"
    assert "there" in text, "and all the rest"


@settings(max_examples=200, deadline=None)
@given(secret=st.text(min_size=1, max_size=60), before=st.text(max_size=20), length=st.integers(1, 60))
def test_no_message_quotes_a_secret(secret: str, before: str, length: int) -> None:
    quote = secret[:length]
    message = mask(f"{before}'{quote}' is wrong", secret)
    parts = [secret[index : index + 4] for index in range(max(1, len(secret) - 3))]
    assert not any(part in message for part in parts if len(secret) >= 4), f"{secret!r} stands in {message!r}"
