"""Cases about what a kubeconfig says: contexts, types, texts, several files, tokens, passwords, impersonation."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import yaml

from tests.support.credentials.build import (
    TOKEN,
    case,
    cluster,
    config,
    credential,
    insecure,
    pair,
    plugin,
    rename,
    script,
)
from tests.support.credentials.pki import key_pem, pki
from tests.support.credentials.runs import SECRET, Case


def contexts() -> Iterator[Case]:
    yield case("the current context", config())
    yield case("another context", config(), context="two")
    yield case("a context that is not there", config(), context="three")
    yield case("no current context", config(**{"current-context": ""}))
    yield case("a current context that is not there", config(**{"current-context": "three"}))
    yield case("a context without a user", config(contexts=[{"name": "one", "context": {"cluster": "c"}}]))
    yield case("a context with a user that is not there", config(users=[]))
    yield case(
        "a context with a user that is not there, over plain HTTP",
        config(users=[], clusters=[{"name": "c", "cluster": {"server": "http://127.0.0.1:@HTTPPORT@"}}]),
    )
    yield case("a context with a cluster that is not there", config(clusters=[]))
    yield case("a context without settings", config(contexts=[{"name": "one"}]))
    yield case("a user without credentials", config({}))
    yield case("a kubeconfig named to the client", config(), env={"KUBECONFIG": None}, explicit="@FOLDER@/config")
    yield case("a kubeconfig named by a relative path", config(), env={"KUBECONFIG": "config"})
    yield case("a kubeconfig that is named and not there", config(), env={"KUBECONFIG": None}, explicit="@FOLDER@/none")
    yield Case("the home folder's kubeconfig", {".kube/config": config()}, env={})
    yield Case("no kubeconfig at all", {}, env={})
    yield Case("KUBECONFIG names a folder", {"folder/config": config()}, env={"KUBECONFIG": "@FOLDER@/folder"})
    yield Case("an empty kubeconfig", {"config": ""})
    yield Case("a kubeconfig of comments", {"config": "# nothing\n"})
    yield case("names that YAML takes for something else", rename(config(), {"one": "y", "c": "1e3", "u": "0o10"}))
    yield case("names that are numbers in quotes", rename(config(), {"one": "1", "c": "2", "u": "null"}))


def types() -> Iterator[Case]:
    """Values of another type than a field has, where they are used and where they are not."""
    wrong: list[tuple[str, Any]] = [
        ("a number as token", config({"token": 12345})),
        ("true as token", config({"token": True})),
        ("a list as token", config({"token": [TOKEN]})),
        ("nothing as token", config({"token": None})),
        ("a number as server", config(of=cluster(server=6443))),
        ("text as flag", config(of=insecure(**{"insecure-skip-tls-verify": "true"}))),
        ("a number as flag", config(of=insecure(**{"insecure-skip-tls-verify": 1}))),
        ("text as groups", config({"token": TOKEN, "as": "bob", "as-groups": "admins"})),
        ("a number among groups", config({"token": TOKEN, "as": "bob", "as-groups": [5]})),
        ("a list as extra", config({"token": TOKEN, "as": "bob", "as-user-extra": ["a"]})),
        ("text as an extra's values", config({"token": TOKEN, "as": "bob", "as-user-extra": {"a": "b"}})),
        ("a number as name", config(contexts=[{"name": 1, "context": {"cluster": "c", "user": "u"}}])),
        ("text as user", config("someone")),
        ("text as exec", config({"exec": "plugin"})),
        (
            "an unused user of a wrong type",
            config(users=[{"name": "u", "user": {"token": TOKEN}}, {"name": "w", "user": 5}]),
        ),
        (
            "an unused cluster with wrong base64",
            config(
                clusters=[
                    {"name": "c", "cluster": cluster()},
                    {"name": "d", "cluster": {"certificate-authority-data": "?"}},
                ]
            ),
        ),
        ("two users of one name", config(users=[{"name": "u", "user": {"token": TOKEN}}] * 2)),
        ("a cluster listed by its name", {**config(), "clusters": {"c": cluster()}}),
        ("clusters that are nothing", {**config(), "clusters": None}),
        ("another API version", config(apiVersion="v2")),
        ("another kind", config(kind="Secret")),
        ("no kind and version", {k: v for k, v in config().items() if k not in ("kind", "apiVersion")}),
        ("fields that nobody knows", config(preferences={"colors": True}, extra={"a": [1]})),
        ("a key in capitals", config({"Token": TOKEN})),
    ]
    for name, document in wrong:
        yield case(name, document)


def documents() -> Iterator[Case]:
    """Texts of the same content."""
    document = config()
    yield case("as JSON", json.dumps(document, indent=1))
    yield case("two documents", yaml.safe_dump(document) + "---\nkind: Other\n")
    yield case("with a byte order mark", (document, "utf-8-sig"))
    yield case("in UTF-16", (document, "utf-16"))
    yield case("in Latin-1", ({**document, "x": "é"}, "latin-1"))
    yield case("in UTF-8", json.dumps({**document, "x": "é€\U0001f600"}, ensure_ascii=False))
    yield case("a list", "- a\n- b\n")
    yield case("text", "just text\n")
    yield case("broken YAML", "clusters: [\n")
    yield case("broken JSON", '{"clusters": [')
    yield case("a tab in YAML", "clusters:\n\t- name: c\n")
    yield case("an anchor", yaml.safe_dump(document).replace("- name: v", "- name: v\n  x: &a {b: 1}\n  y: *a"))
    yield case(
        "a token that YAML takes for a number", yaml.safe_dump(document).replace(f"token: {TOKEN}\n", "token: 1e3\n")
    )
    yield case(
        "a token that YAML takes for octal", yaml.safe_dump(document).replace(f"token: {TOKEN}\n", "token: 0o17\n")
    )
    yield case(
        "a token that looks like a date", yaml.safe_dump(document).replace(f"token: {TOKEN}\n", "token: 2024-01-01\n")
    )
    yield case("a token that is yes", yaml.safe_dump(document).replace(f"token: {TOKEN}\n", "token: yes\n"))
    yield case("a token that is y", yaml.safe_dump(document).replace(f"token: {TOKEN}\n", "token: y\n"))
    yield case("a token in base 60", yaml.safe_dump(document).replace(f"token: {TOKEN}\n", "token: 1:30\n"))
    yield case(
        "a token twice", yaml.safe_dump(document).replace(f"token: {TOKEN}\n", f"token: first\n    token: {TOKEN}\n")
    )
    yield case(
        "flags as YAML 1.1 has them", yaml.safe_dump(config(of=insecure())).replace("verify: true", "verify: on")
    )


def merge_cases() -> Iterator[Case]:
    """Several files in KUBECONFIG."""
    whole = config()

    def parts(*names: str) -> dict[str, Any]:
        return {name: whole[name] for name in ("apiVersion", "kind", *names)}

    def several(name: str, files: dict[str, Any], names: str, **extra: Any) -> Case:
        return Case(
            name,
            files,
            {"KUBECONFIG": ":".join(f"@FOLDER@/{file_name}" if file_name else "" for file_name in names.split(" "))},
            **extra,
        )

    other = config({"token": f"{SECRET}-other"})
    yield several(
        "clusters, users and contexts apart",
        {"a": parts("clusters"), "b": parts("users"), "c": parts("contexts", "current-context")},
        "a b c",
    )
    yield several("the first user wins", {"a": whole, "b": other}, "a b")
    yield several("the first user wins, the other way", {"a": whole, "b": other}, "b a")
    yield several("the first current context wins", {"a": {**whole, "current-context": "two"}, "b": whole}, "a b")
    yield several(
        "an empty current context does not win",
        {"a": {**whole, "current-context": ""}, "b": {**whole, "current-context": "two"}},
        "a b",
    )
    yield several("missing files are passed over", {"b": whole}, "a b c")
    yield several("empty names are passed over", {"b": whole}, " b ")
    yield several("all files are missing", {}, "a b")
    yield several("a broken file beside a good one", {"a": whole, "b": "clusters: ["}, "a b")
    yield several("an empty file beside a good one", {"a": "", "b": whole}, "a b")
    yield several("the same file twice", {"a": whole}, "a a")
    yield several(
        "a user of the first file is taken whole",
        {"a": {**parts(), "users": [{"name": "u", "user": {"as": "bob"}}]}, "b": whole},
        "a b",
    )
    yield several(
        "a user of nothing in the first file", {"a": {**parts(), "users": [{"name": "u"}]}, "b": whole}, "a b"
    )
    yield several(
        "relative paths, each from its file's folder",
        {
            "x/a": {
                **parts("contexts", "current-context"),
                "clusters": [
                    {
                        "name": "c",
                        "cluster": cluster(
                            **{"certificate-authority-data": None, "certificate-authority": "pki/ca.crt"}
                        ),
                    }
                ],
            },
            "x/pki/ca.crt": pki().authority.pem,
            "y/b": {**parts(), "users": [{"name": "u", "user": {"tokenFile": "token"}}]},
            "y/token": TOKEN,
        },
        "x/a y/b",
    )
    yield several(
        "a context of the second file", {"a": parts("clusters", "users"), "b": parts("contexts")}, "a b", context="two"
    )
    yield several(
        "names like YAML's words, merged",
        {
            "a": rename(parts("clusters", "contexts"), {"one": "y", "c": "on", "u": "1e3"}),
            "b": rename(parts("users", "current-context"), {"one": "y", "u": "1e3"}),
        },
        "a b",
    )


def tokens() -> Iterator[Case]:
    yield case("a token file", config({"tokenFile": "@FOLDER@/token"}), files={"token": f"{TOKEN}\n"})
    yield case("a token file by a relative path", config({"tokenFile": "token"}), files={"token": TOKEN})
    yield case("a token file beside a token", config({"token": "one", "tokenFile": "token"}), files={"token": "two"})
    yield case("a token file that is missing beside a token", config({"token": TOKEN, "tokenFile": "none"}))
    yield case("a token file that is empty beside a token", config({"token": TOKEN, "tokenFile": "t"}), files={"t": ""})
    yield case("a token file that is missing", config({"tokenFile": "none"}))
    yield case("a token file that is empty", config({"tokenFile": "token"}), files={"token": ""})
    yield case("a token file of a line end", config({"tokenFile": "token"}), files={"token": "\n"})
    yield case("a token file of two lines", config({"tokenFile": "token"}), files={"token": f"{SECRET}\nb\n"})
    yield case("a token file that is a folder", config({"tokenFile": "folder"}), files={"folder/x": ""})
    yield case("a token with a line end", config({"token": f"{TOKEN}\n"}))
    yield case("a token outside of ASCII", config({"token": f"{TOKEN}é…"}))
    yield case("a token with spaces within", config({"token": f"{SECRET} a b"}))
    yield case("a token and a certificate", config({"token": TOKEN, **pair(pki().ec, key_pem(pki().ec_key))}))


def basic() -> Iterator[Case]:
    yield case("user and password", config({"username": "ann", "password": SECRET}))
    yield case("a user without password", config({"username": "ann"}))
    yield case("a password without user", config({"password": SECRET}))
    yield case("a password with odd letters", config({"username": "ann", "password": f"{SECRET}:ü %"}))
    yield case("user, password and token", config({"username": "ann", "password": SECRET, "token": TOKEN}))
    yield case(
        "user, password and token file",
        config({"username": "ann", "password": SECRET, "tokenFile": "t"}),
        files={"t": TOKEN},
    )
    yield case(
        "user, password and certificate",
        config({"username": "ann", "password": SECRET, **pair(pki().ec, key_pem(pki().ec_key))}),
    )
    yield case("an auth-provider of the past", config({"auth-provider": {"name": "gcp", "config": {"a": "b"}}}))
    yield case(
        "an auth-provider and exec",
        config({"auth-provider": {"name": "oidc"}, **plugin()}),
        files={"plugin": script(credential())},
    )
    yield case(
        "the auth-provider that is left",
        config(
            {
                "auth-provider": {
                    "name": "oidc",
                    "config": {"idp-issuer-url": "https://127.0.0.1:1", "client-id": "a", "id-token": jwt()},
                }
            }
        ),
        differs="kubectl has OpenID Connect built in and writes what it renews into the kubeconfig; exec plugins do the same",
    )


def jwt() -> str:
    """A token that says it does not end before 2200."""
    parts = ({"alg": "none"}, {"exp": 7258118400})
    return ".".join(
        [*(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts), "x"]
    )


def impersonation_cases() -> Iterator[Case]:
    def acting(name: str, **extra: Any) -> Case:
        return case(
            f"as {name}", config({"token": TOKEN, **{key.replace("_", "-"): value for key, value in extra.items()}})
        )

    yield acting("somebody", **{"as": "bob"})
    yield acting("a service account", **{"as": "system:serviceaccount:ns:bob"})
    yield acting("with groups", **{"as": "bob", "as-groups": ["b", "a", "system:masters"]})
    yield acting("with a uid", **{"as": "bob", "as-uid": "1-2-3"})
    yield acting(
        "with extra", **{"as": "bob", "as-user-extra": {"scopes": ["view", "edit"], "acme.org/project": ["a"]}}
    )
    yield acting(
        "with extra of odd names", **{"as": "bob", "as-user-extra": {"a/b%c d": ["1"], "Ümlaut": ["2"], "UPPER": ["3"]}}
    )
    yield acting("with all of it", **{"as": "bob", "as-uid": "u", "as-groups": ["g"], "as-user-extra": {"k": ["v"]}})
    yield acting("with extra without values", **{"as": "bob", "as-user-extra": {"k": []}})
    yield acting("a name outside of ASCII", **{"as": "jürgen"})
    yield acting("a name with a line end", **{"as": "bob\r\nX-Remote-User: root"})
    yield acting("groups without anybody", **{"as-groups": ["g"]})
    yield acting("a uid without anybody", **{"as-uid": "u"})
    yield acting("extra without anybody", **{"as-user-extra": {"k": ["v"]}})
    yield acting("nobody", **{"as": ""})
