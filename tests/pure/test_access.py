"""Kubeconfigs: what is read from them, and how a wrong one is named without showing what it holds."""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from kamaji_equinix.components.kube import kubeconfig
from kamaji_equinix.components.kube.kubeconfig import AccessError

SECRET = "very-secret-token"


def config(user: dict[str, Any] | None = None, **cluster: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "one",
        "contexts": [
            {"name": "one", "context": {"cluster": "c", "user": "u"}},
            {"name": "two", "context": {"cluster": "d", "user": "u"}},
        ],
        "clusters": [
            {"name": "c", "cluster": {"server": "https://one.example:6443/", **cluster}},
            {"name": "d", "cluster": {"server": "https://two.example"}},
        ],
        "users": [{"name": "u", "user": user if user is not None else {"token": SECRET}}],
    }


def read(document: Any, context: str | None = None, folder: Path | None = None) -> kubeconfig.Access:
    text = document if isinstance(document, str) else yaml.safe_dump(document)
    return kubeconfig.from_text(text, context, source="here", folder=folder)


def test_the_current_context_is_used_unless_another_is_named() -> None:
    assert read(config()).server == "https://one.example:6443", "the current one"
    assert read(config(), "two").server == "https://two.example", "the named one"


def test_data_and_files_are_the_same_and_files_start_from_the_kubeconfigs_folder(tmp_path: Path) -> None:
    (tmp_path / "ca.crt").write_text("PEM")
    (tmp_path / "token").write_text(f"{SECRET}\n")
    found = read(config({"tokenFile": "token"}, **{"certificate-authority": "ca.crt"}), folder=tmp_path)
    assert found.ca_pem == "PEM", "a file's content"
    assert found.token == SECRET, "without its line end"
    data = base64.b64encode(b"PEM").decode()
    assert read(config(**{"certificate-authority-data": data})).ca_pem == "PEM", "the same in line"


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ("a: [", "not YAML"),
        ("just text", "not a kubeconfig"),
        ("", "not a kubeconfig"),
        ({**config(), "current-context": ""}, "no current-context"),
        ({**config(), "current-context": "three"}, "no context named 'three'; it has: one, two"),
        ({**config(), "users": []}, "no user named 'u'; it has: none"),
        ({**config(), "clusters": [{"name": "c", "cluster": {}}]}, "cluster 'c' has no `server`"),
        (config(**{"certificate-authority-data": "?"}), "certificate-authority-data is not base64"),
        (config({"client-certificate": "/nowhere/crt"}), "client-certificate /nowhere/crt: No such file"),
        (config({"auth-provider": {"name": "gcp"}}), "`auth-provider` is not supported"),
        ({**config(), "users": [{"name": "u", "user": 5}]}, "user 'u' holds no settings, but int"),
        (config(server=6443), "server is not text"),
        (config(server="one.example:6443"), "server 'one.example:6443' is not an https or http URL"),
        (config(server="https://one.example:99999"), "server is not a URL (Port out of range"),
        (config(server="https://[::1"), "server is not a URL (Invalid IPv6 URL)"),
        (config(server="https://one.example/a b"), "holds more than host, port and path"),
        (config(**{"tls-server-name": 5}), "tls-server-name is not text"),
        (config(**{"proxy-url": 5}), "proxy is not text"),
        (config(**{"proxy-url": "socks5://ann:pw@p.example:1"}), "proxy 'socks5://p.example:1' is not an http URL"),
    ],
)
def test_a_kubeconfig_that_cannot_be_used_is_named_with_its_fault(document: Any, said: str) -> None:
    with pytest.raises(AccessError) as refused:
        read(document)
    assert str(refused.value).startswith("here: "), "where"
    assert said in str(refused.value), "what"


def test_no_error_and_no_representation_shows_credentials() -> None:
    with pytest.raises(AccessError) as refused:
        read(f"token: [{SECRET}")
    assert SECRET not in str(refused.value), "a parser's message would quote the line"
    assert SECRET not in repr(read(config())), "nor does a log of the object"
    basic = read(config({"username": "ann", "password": SECRET}))
    assert base64.b64encode(f"ann:{SECRET}".encode()).decode() not in repr(basic), "nor of its headers"


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (config({"token": f"{SECRET}\n"}), "the token holds a line end"),
        (config({"token": f"{SECRET}\u2026"}), "the token holds a line end or another character"),
        (config({"token": SECRET, "as": "ann\r\nX-Remote-User: root"}), "`as` holds a line end"),
        (config(server=f"https://ann:{SECRET}@one.example"), "server holds a user or password"),
    ],
)
def test_a_credential_that_no_request_can_carry_is_named_but_not_shown(document: Any, said: str) -> None:
    with pytest.raises(AccessError) as refused:
        read(document)
    assert said in str(refused.value), "what is wrong with it"
    assert SECRET not in str(refused.value), "http.client's own message quotes the header"


def plugin(tmp_path: Path, code: str, **more: Any) -> dict[str, Any]:
    script = tmp_path / "plugin.py"
    script.write_text(code)
    run = {"apiVersion": "client.authentication.k8s.io/v1", "command": sys.executable, "args": [str(script)], **more}
    return config({"exec": run})


def test_a_credential_plugin_is_run_as_kubectl_runs_it(tmp_path: Path) -> None:
    code = (
        "import json, os\n"
        "info = json.loads(os.environ['KUBERNETES_EXEC_INFO'])\n"
        "assert info['kind'] == 'ExecCredential' and info['spec']['interactive'] is False\n"
        "print(json.dumps({'status': {'token': os.environ['ROLE'] + info['apiVersion'][-2:]}}))\n"
    )
    found = read(plugin(tmp_path, code, env=[{"name": "ROLE", "value": "admin-"}]))
    assert found.token == "admin-v1", "its token, with its variables and the version asked for"


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import sys; sys.exit('please log in')", "failed with 1: please log in"),
        ("print('no json')", "gave no ExecCredential"),
        ("print('{}')", "gave no ExecCredential"),
    ],
)
def test_a_credential_plugin_that_fails_is_named_with_its_last_words(tmp_path: Path, code: str, said: str) -> None:
    with pytest.raises(AccessError, match=said):
        read(plugin(tmp_path, code))


def test_a_credential_plugin_that_is_not_installed_says_how_to_get_it() -> None:
    missing = config({"exec": {"command": "no-such-plugin", "installHint": "brew install no-such-plugin"}})
    with pytest.raises(AccessError, match="no-such-plugin is not installed: brew install"):
        read(missing)


def test_a_missing_file_of_the_lab_says_that_the_lab_is_not_running(tmp_path: Path) -> None:
    with pytest.raises(AccessError, match="the lab is not running; start it with `make lab`"):
        kubeconfig.from_file(tmp_path / ".lab" / "kubeconfig")
    with pytest.raises(AccessError, match=r"set `management.kubeconfigPath`"):
        kubeconfig.from_file(tmp_path / "kubeconfig")


def test_without_settings_the_kubeconfig_of_kubectl_is_used(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    second.write_text("x")
    assert kubeconfig.default_path({"KUBECONFIG": f"{first}:{second}"}) == second, "the first that exists"
    assert kubeconfig.default_path({"HOME": str(tmp_path)}) is None, "no ~/.kube/config, no guess"
    (tmp_path / ".kube").mkdir()
    (tmp_path / ".kube" / "config").write_text("x")
    assert kubeconfig.default_path({"HOME": str(tmp_path)}) == tmp_path / ".kube" / "config", "the usual place"


def test_a_kubeconfig_that_is_handed_on_names_its_files_by_absolute_paths(tmp_path: Path) -> None:
    document = config(
        {"client-certificate": "pki/a.crt", "client-key": "/abs/a.key"}, **{"certificate-authority": "ca"}
    )
    moved = yaml.safe_load(kubeconfig.portable(yaml.safe_dump(document), tmp_path))
    assert moved["users"][0]["user"]["client-certificate"] == str(tmp_path / "pki" / "a.crt"), "from its folder"
    assert moved["users"][0]["user"]["client-key"] == "/abs/a.key", "absolute ones stay"
    assert moved["clusters"][0]["cluster"]["certificate-authority"] == str(tmp_path / "ca"), "of the cluster, too"
    broken = yaml.safe_dump(
        {**document, "users": [5, {"name": "v"}, {"name": "w", "user": {"exec": 5, "tokenFile": 6}}]}
    )
    assert str(tmp_path / "6") in kubeconfig.portable(broken, tmp_path), "entries that nobody uses may hold anything"
    text = yaml.safe_dump(config())
    assert kubeconfig.portable(text, tmp_path) == text, "what holds everything in line is not touched"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["name", "user", "x"]), inner),
    max_leaves=8,
)
PLACES = [
    [],
    ["current-context"],
    ["contexts"],
    ["contexts", 0],
    ["contexts", 0, "name"],
    ["contexts", 0, "context"],
    ["contexts", 0, "context", "cluster"],
    ["contexts", 0, "context", "user"],
    ["clusters"],
    ["clusters", 0],
    ["clusters", 0, "cluster"],
    *(
        ["clusters", 0, "cluster", key]
        for key in ("server", "certificate-authority-data", "tls-server-name", "proxy-url")
    ),
    ["users"],
    ["users", 0],
    ["users", 0, "user"],
    *(["users", 0, "user", key] for key in ("token", "tokenFile", "client-certificate-data", "exec", "username", "as")),
]


@given(st.sampled_from(PLACES), JSON)
def test_a_kubeconfig_with_anything_anywhere_makes_nothing_but_a_message(place: list[Any], value: Any) -> None:
    document: Any = config({})
    if place:
        holder = document
        for key in place[:-1]:
            holder = holder[key]
        holder[place[-1]] = value
    else:
        document = value
    said = ""
    try:
        kubeconfig.from_text(json.dumps(document), source="here")
    except AccessError as error:
        said = str(error)
    assert not said or said.startswith("here: "), "the source is named"
