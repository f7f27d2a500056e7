"""Kubeconfigs: how a wrong one is named without showing what it holds, and that nothing but a message comes of it.

What a right one means is compared with kubectl in the provider tier.
"""

from __future__ import annotations

import base64
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from kamaji_equinix.components.kube import exec_plugin, kubeconfig, management, pod
from kamaji_equinix.components.kube.access import Access, AccessError
from kamaji_equinix.components.kube.management import Credentials, kubeconfig_text, management_access

from tests.support.tls_endpoint import TenantAuthority, wait_until

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


def read(document: Any, context: str | None = None, folder: Path | None = None) -> Access:
    text = document if isinstance(document, str) else yaml.safe_dump(document)
    return kubeconfig.from_text(text, context, source="here", folder=folder)


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ("a: [", "not YAML (line 2)"),
        ("just text", "not a kubeconfig, but text"),
        ({**config(), "current-context": ""}, "no current-context"),
        ({**config(), "current-context": "three"}, "no context named 'three'; it has: one, two"),
        ({**config(), "users": []}, "no user named 'u'; it has: none"),
        ({**config(), "clusters": [{"name": "c", "cluster": {}}]}, "cluster 'c' has no `server`"),
        (config(**{"certificate-authority-data": "?"}), "clusters[0].cluster.certificate-authority-data is not base64"),
        (config(**{"certificate-authority-data": "aGVsbG8="}), "certificate-authority holds no certificate in PEM"),
        (
            config({"client-certificate": "/nowhere/crt", "client-key": "k"}),
            "client-certificate /nowhere/crt: No such file",
        ),
        (config({"auth-provider": {"name": "gcp"}}), "`auth-provider` is not supported"),
        ({**config(), "users": [{"name": "u", "user": 5}]}, "users[0].user holds no settings, but a number"),
        (config({"token": 5}), "users[0].user.token is not text, but a number; put it in quotes"),
        (config(server=6443), "server is not text"),
        (config(server="one.example:6443"), "server 'one.example:6443' is not an https or http URL"),
        (config(server="https://one.example:99999"), "server is not a URL (Port out of range"),
        (config(server="https://[::1"), "server is not a URL (Invalid IPv6 URL)"),
        (config(server="https://one.example/a b"), "holds more than host, port and path"),
        (
            config(**{"proxy-url": "socks4://ann:pw@p.example:1"}),
            "proxy 'socks4://p.example:1' is not an http, https or socks5 URL",
        ),
        (config({}), "user 'u' has no credentials; expected token, tokenFile, client-certificate, exec or username"),
        (config({"token": SECRET, "username": "ann"}), "a token and username with password exclude each other"),
        (config({"token": SECRET, "as-groups": ["a"]}), "as-uid, as-groups and as-user-extra need `as`"),
        (config(**{"insecure-skip-tls-verify": True, "certificate-authority-data": "aGk="}), "exclude each other"),
        (
            config({"exec": {"command": "x", "apiVersion": "v1"}}),
            "`exec.apiVersion` 'v1' is none of client.authentication",
        ),
    ],
)
def test_a_kubeconfig_that_cannot_be_used_is_named_with_its_fault(document: Any, words: str) -> None:
    with pytest.raises(AccessError) as error:
        read(document)
    assert str(error.value).startswith("here: "), "where"
    assert words in str(error.value), "what"


def test_no_error_and_no_representation_shows_credentials() -> None:
    with pytest.raises(AccessError) as error:
        read(f"token: [{SECRET}")
    assert SECRET not in str(error.value), "a parser's message would quote the line"
    basic = read(config({"username": "ann", "password": SECRET}))
    proxied = read(config(**{"proxy-url": f"http://ann:{SECRET}@proxy.example"}))
    for obj in (read(config()), basic, proxied, kubeconfig.parse(json.dumps(config()), "here", Path())):
        assert SECRET not in repr(obj), "nor does a log of the object"
        assert base64.b64encode(f"ann:{SECRET}".encode()).decode() not in repr(obj), "nor of its headers"


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (config({"token": f"{SECRET}\n"}), "the token holds a line end"),
        (config({"token": SECRET, "as": "ann\r\nX-Remote-User: root"}), "`as` holds a line end"),
        (config(server=f"https://ann:{SECRET}@one.example"), "server holds a user or password"),
    ],
)
def test_a_credential_that_no_request_can_carry_is_named_but_not_shown(document: Any, words: str) -> None:
    with pytest.raises(AccessError) as error:
        read(document)
    assert words in str(error.value), "what is wrong with it"
    assert SECRET not in str(error.value), "http.client's own message quotes the header"


def plugin(tmp_path: Path, script: str, **extra: Any) -> dict[str, Any]:
    program = tmp_path / "plugin"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    settings = {"apiVersion": exec_plugin.VERSIONS[0], "command": str(program), "interactiveMode": "Never", **extra}
    return config({"exec": settings})


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("echo please log in >&2; exit 3", "failed with 3: please log in"),
        ("echo no json", "gave no ExecCredential"),
        ("echo {}", "gave an ExecCredential of None, but the kubeconfig asks for client.authentication.k8s.io/v1"),
        (
            'echo \'{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {}}\'',
            "gave neither a token nor a certificate",
        ),
        (f"echo wrong password {SECRET} >&2; exit 1", "failed with 1: wrong password ..."),
    ],
)
def test_a_credential_plugin_that_fails_is_named_with_its_last_words(tmp_path: Path, script: str, words: str) -> None:
    login = read(plugin(tmp_path, script, env=[{"name": "PASSWORD", "value": SECRET}])).login
    with pytest.raises(AccessError) as error:
        login.secrets()
    assert words in str(error.value), "what it did"
    assert str(tmp_path / "plugin") in str(error.value), "which one"
    assert SECRET not in str(error.value), "what the kubeconfig gives it may be secret"


def test_a_credential_plugin_that_is_not_installed_says_how_to_get_it(tmp_path: Path) -> None:
    login = read(plugin(tmp_path, "", command="no-such-plugin", installHint="brew install no-such-plugin")).login
    with pytest.raises(AccessError, match="no-such-plugin is not installed: brew install"):
        login.secrets()


def test_a_silent_credential_plugin_is_ended_with_all_that_it_has_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    child = tmp_path / "child"

    def too_long(_process: Any, timeout: float) -> Any:
        wait_until(lambda: child.exists() and child.read_text().strip(), "the plugin has started a child", 60)
        raise subprocess.TimeoutExpired("plugin", timeout)

    monkeypatch.setattr(subprocess.Popen, "communicate", too_long)
    login = read(plugin(tmp_path, f"sleep 600 & echo $! > {child}; wait")).login
    with pytest.raises(AccessError, match="is silent after 60 s; does it wait for a login"):
        login.secrets()

    def is_dead() -> bool:
        try:
            return Path("/proc", child.read_text().strip(), "stat").read_text().split()[2] == "Z"
        except OSError:
            return True

    wait_until(is_dead, "nothing of the plugin is left", 60)


def test_a_missing_file_of_the_lab_says_that_the_lab_is_not_running(tmp_path: Path) -> None:
    with pytest.raises(AccessError, match="the lab is not running; start it with `make lab`"):
        management_access(Credentials(kubeconfig_path=str(tmp_path / ".lab" / "kubeconfig")))
    with pytest.raises(AccessError, match=r"no such file; set `management.kubeconfigPath`"):
        management_access(Credentials(kubeconfig_path=str(tmp_path / "kubeconfig")))


def test_a_kubeconfig_that_is_handed_on_names_its_files_by_absolute_paths(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "link").symlink_to("/bin/sh")
    user = {
        "client-certificate": "pki/a.crt",
        "client-key": "/abs/a.key",
        "exec": {"command": "bin/link", "args": ["y", "1e3", "0o10"]},
    }
    text = json.dumps(config(user, **{"certificate-authority": "ca"}))
    copy = kubeconfig_text(Credentials(kubeconfig=text), tmp_path)
    document = json.loads(str(copy))
    assert document["users"][0]["user"]["client-certificate"] == str(tmp_path / "pki" / "a.crt"), "from its folder"
    assert document["users"][0]["user"]["client-key"] == "/abs/a.key", "absolute ones stay"
    assert document["clusters"][0]["cluster"]["certificate-authority"] == str(tmp_path / "ca"), "of the cluster, too"
    assert document["users"][0]["user"]["exec"]["command"] == str(tmp_path / "bin" / "link"), (
        "a link may be more than its target"
    )
    assert document["users"][0]["user"]["exec"]["args"] == ["y", "1e3", "0o10"], "texts stay texts"
    text = yaml.safe_dump(config())
    assert kubeconfig_text(Credentials(kubeconfig=text), tmp_path) == text, (
        "what holds everything in line is not touched"
    )


@pytest.fixture
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A pod, without any kubeconfig."""
    monkeypatch.setattr(pod, "FOLDER", tmp_path)
    for name, value in (("HOST", "fd00::1"), ("PORT", "443")):
        monkeypatch.setenv(f"KUBERNETES_SERVICE_{name}", value)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KUBECONFIG", raising=False)
    (tmp_path / "token").write_text("first\n")
    (tmp_path / "ca.crt").write_text(TenantAuthority().pem)
    return tmp_path


def test_a_pod_uses_its_service_account_and_takes_each_new_token_of_it(inside: Path) -> None:
    access = management_access(Credentials())
    assert access.server == "https://[fd00::1]:443", "the API server of its cluster"
    assert access.login.secrets().token == "first", "its own token"
    (inside / "token").write_text("second")
    assert access.login.secrets().token == "second", "as the kubelet has written it anew"
    (inside / "token").unlink()
    assert access.login.secrets().token == "second", "the last one that could be read"
    assert kubeconfig_text(Credentials()) is None, "the Kubernetes plugin finds its service account by itself"


def test_a_context_is_never_ignored_in_a_pod(inside: Path) -> None:
    for ask in (management_access, kubeconfig_text):
        with pytest.raises(AccessError, match=r"`management.context` is 'two'.*no kubeconfig.*leave it out"):
            ask(Credentials(context="two"))  # type: ignore[operator]
    (inside / ".kube").mkdir()
    (inside / ".kube" / "config").write_text(yaml.safe_dump(config()))
    assert management_access(Credentials(context="two")).server == "https://two.example", "a kubeconfig has contexts"


def test_a_pods_files_that_cannot_be_used_are_named(inside: Path) -> None:
    (inside / "ca.crt").write_text("nothing")
    with pytest.raises(AccessError, match=r"the pod's service account: ca.crt holds no certificate"):
        management_access(Credentials())


def test_credentials_that_are_nowhere_are_named_with_the_way_to_set_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KUBECONFIG", raising=False)
    with pytest.raises(
        AccessError, match=r"no credentials for the management cluster: set `management.kubeconfigPath`"
    ):
        management_access(Credentials())
    monkeypatch.setenv("KUBECONFIG", f"{tmp_path}/a:{tmp_path}/b")
    with pytest.raises(AccessError, match=r"KUBECONFIG names .*/a and .*/b, where there is no kubeconfig"):
        management_access(Credentials())
    assert management.document(Credentials()) is None, "and nothing is handed on"


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
        for key in (
            "server",
            "certificate-authority-data",
            "certificate-authority",
            "tls-server-name",
            "proxy-url",
            "extensions",
        )
    ),
    ["users"],
    ["users", 0],
    ["users", 0, "user"],
    *(
        ["users", 0, "user", key]
        for key in (
            "token",
            "tokenFile",
            "client-certificate-data",
            "client-key",
            "exec",
            "username",
            "as",
            "as-groups",
            "as-user-extra",
        )
    ),
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
    message = ""
    try:
        result = kubeconfig.parse(json.dumps(document), "here", Path())
        result.portable()
        result.access()
    except AccessError as error:
        message = str(error)
    assert not message or message.startswith("here: "), "the source is named"


@given(st.binary(max_size=60) | st.text(max_size=60))
def test_any_text_is_read_or_refused_in_one_line(text: str | bytes) -> None:
    message = ""
    try:
        kubeconfig.parse(text, "here", Path()).access()
    except AccessError as error:
        message = str(error)
    assert message, "no such text leads anywhere"
    assert "\n" not in message, "one line"


def test_a_document_of_aliases_of_aliases_is_refused_at_once() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    with pytest.raises(AccessError, match="aliases of aliases"):
        read("\n".join(lines))
