"""Cases put together at random."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from typing import Any

import yaml

from tests.support.credentials.build import (
    TOKEN,
    V1,
    V1BETA1,
    b64,
    cluster,
    config,
    credential,
    flat,
    pair,
    plugin,
    script,
    wrap,
)
from tests.support.credentials.peers import Answer
from tests.support.credentials.pki import TRADITIONAL, key_pem, pki
from tests.support.credentials.runs import SECRET, Case
from tests.support.credentials.ways import ANY4, ANY6


def generate(seed: int, count: int) -> list[Case]:
    """Kubeconfigs put together at random from parts of those picked by hand: more than one thing is special at a time."""
    chance = random.Random(seed)  # noqa: S311 - reproducible, no secret
    return [random_case(chance, f"random {seed}-{index}") for index in range(count)]


def mutate(seed: int, count: int) -> list[Case]:
    """Kubeconfigs in which one value is replaced by something else, put in, or taken out."""
    chance = random.Random(seed)  # noqa: S311 - reproducible, no secret
    return [mutated_case(chance, f"mutated {seed}-{index}") for index in range(count)]


ODD_VALUES = (
    None,
    True,
    False,
    0,
    5,
    1.5,
    "",
    "y",
    "text",
    "1e3",
    [],
    ["a"],
    [None],
    {},
    {"a": 1},
    [{"name": "c"}],
    -1,
)
ODD_TEXTS = (
    "y",
    "n",
    "on",
    "1e3",
    "0x1F",
    "0o17",
    "017",
    "1_000",
    "2024-01-01",
    "1:30",
    "~",
    "null",
    ".5",
    ".inf",
    "+1",
    "08",
    "=",
)


def mutated_case(chance: random.Random, name: str) -> Case:
    """One of them; in half of them a plain text of YAML stands where a text was, for its reader to guess."""
    document = config(random_user(chance, files := {}, pki()), random_cluster(chance, files))
    places = list(holders(document))
    holder, key = chance.choice(places)
    bare = ""
    kind = chance.random()
    if kind < 0.15:
        del holder[key]
    elif kind < 0.5:
        holder[key] = chance.choice(ODD_VALUES)
    elif isinstance(holder[key], str) and kind < 0.9:
        bare = chance.choice(ODD_TEXTS)
        holder[key] = "@BARE@"
    else:
        holder[key] = [holder[key]] if chance.random() < 0.5 else {"x": holder[key]}
    text = yaml.safe_dump(document).replace("'@BARE@'", bare).replace("@BARE@", bare)
    return Case(name, {"config": text, **files})


def holders(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every place of a document: what holds it, and its name or index there."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in list(pairs):
        yield value, key
        yield from holders(item)


def random_case(chance: random.Random, name: str) -> Case:
    """One of them."""
    certs = pki()
    files: dict[str, Any] = {}
    env: dict[str, str] = {}
    of = random_cluster(chance, files)
    user = random_user(chance, files, certs)
    document = config(user, of)
    if chance.random() < 0.3:
        document["current-context"] = chance.choice(["two", "one", "", "three"])
    context = chance.choice(["", "", "", "one", "two"])
    if chance.random() < 0.25:
        env |= {
            "HTTPS_PROXY": chance.choice(
                [
                    "http://127.0.0.1:@PROXYPORT@",
                    "socks5://127.0.0.1:@SOCKSPORT@",
                    "127.0.0.1:@PROXYPORT@",
                    "https://127.0.0.1:@TLSPROXYPORT@",
                ]
            ),
            "NO_PROXY": chance.choice(
                ["", "*", "0.0.0.0/8,::/8", "[::]:@V6PORT@", "0.0.0.0:@PORT@", ".example", "10.0.0.0/8"]
            ),
        }
    answers = tuple(
        chance.choices(
            [Answer(429, (("Retry-After", "0"),)), Answer(307, (("Location", "/x"),)), Answer(503)],
            k=chance.choice([0, 0, 0, 1, 2]),
        )
    )
    certificate = chance.choice(["good"] * 8 + ["by intermediate", "wrong name", "by another", "expired"])
    if chance.random() < 0.3:
        files |= split_files(document, chance)
        env["KUBECONFIG"] = ":".join(f"@FOLDER@/{file_name}" for file_name in ("a", "b", "none", "c"))
        return Case(name, files, env, context=context, answers=answers, server=certificate)
    files["config"] = json.dumps(document) if chance.random() < 0.3 else document
    return Case(
        name, files, {"KUBECONFIG": "@FOLDER@/config", **env}, context=context, answers=answers, server=certificate
    )


def split_files(document: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    """A kubeconfig in three files; some parts come twice, differently."""
    parts: dict[str, dict[str, Any]] = {name: {} for name in "abc"}
    for section in ("clusters", "users", "contexts"):
        for entry in document[section]:
            parts[chance.choice("abc")].setdefault(section, []).append(entry)
    parts[chance.choice("abc")]["current-context"] = document["current-context"]
    twin = copy.deepcopy(chance.choice(document["users"]))
    twin["user"] = {"token": f"{SECRET}-doubled"}
    users = parts[chance.choice("abc")].setdefault("users", [])
    if twin["name"] not in [user["name"] for user in users]:
        users.append(twin)
    return dict(parts)


def random_cluster(chance: random.Random, files: dict[str, Any]) -> dict[str, Any]:
    certs = pki()
    server = chance.choice(
        ["@URL@"] * 4
        + [
            "@URL@/",
            "@URL@/k8s",
            "https://localhost:@PORT@",
            ANY4,
            ANY6,
            "https://[::1]:@V6PORT@",
            "http://127.0.0.1:@HTTPPORT@",
        ]
    )
    bundle = chance.choice(
        [certs.authority.pem] * 4
        + [
            certs.other.pem + certs.authority.pem,
            f"# é\n{certs.authority.pem}",
            certs.intermediate.pem,
            certs.authority.pem.replace("\n", "\r\n"),
            flat(certs.authority.pem),
        ]
    )
    extra: dict[str, Any] = {
        "server": server,
        "certificate-authority-data": chance.choice([b64(bundle), wrap(b64(bundle))]),
    }
    if chance.random() < 0.25:
        files["pki/ca.crt"] = bundle
        extra |= {
            "certificate-authority-data": None,
            "certificate-authority": chance.choice(["pki/ca.crt", "@FOLDER@/pki/ca.crt"]),
        }
    if chance.random() < 0.15:
        extra |= {"certificate-authority-data": None, "insecure-skip-tls-verify": True}
    if chance.random() < 0.2:
        extra["tls-server-name"] = chance.choice(["localhost", "api.corp.example", "other.example"])
    if chance.random() < 0.2:
        extra["proxy-url"] = chance.choice(
            [
                "http://127.0.0.1:@PROXYPORT@",
                f"http://a:{SECRET}@127.0.0.1:@PROXYPORT@",
                "socks5://127.0.0.1:@SOCKSPORT@",
                "https://localhost:@TLSPROXYPORT@",
            ]
        )
    if chance.random() < 0.2:
        extra["extensions"] = [
            {
                "name": "client.authentication.k8s.io/exec",
                "extension": {"a": chance.choice([1, "y", None, [1.5], {"b": True}])},
            }
        ]
    return cluster(**extra)


def random_user(chance: random.Random, files: dict[str, Any], certs: Any) -> dict[str, Any]:
    forms = [
        (certs.ec, key_pem(certs.ec_key)),
        (certs.ec, key_pem(certs.ec_key, TRADITIONAL)),
        (certs.rsa, key_pem(certs.rsa_key, TRADITIONAL)),
        (certs.chain, key_pem(certs.ec_key)),
        (certs.ed, key_pem(certs.ed_key)),
    ]
    user: dict[str, Any] = {}
    for kind in chance.sample(
        ["token", "tokenFile", "certificate", "files", "basic", "exec"], chance.choice([1, 1, 1, 1, 2])
    ):
        certificate, key = chance.choice(forms)
        if kind == "token":
            user["token"] = chance.choice([TOKEN, f"{TOKEN}é", "1e3", "y"])
        elif kind == "tokenFile":
            files["token"] = f"{TOKEN}-file\n"
            user["tokenFile"] = chance.choice(
                ["token", "@FOLDER@/token", "none"] if chance.random() < 0.3 else ["token"]
            )
        elif kind == "certificate":
            user |= pair(certificate, key)
        elif kind == "files":
            files |= {"pki/c.crt": certificate, "pki/c.key": key}
            user |= {"client-certificate": "pki/c.crt", "client-key": "pki/c.key"}
        elif kind == "basic":
            user |= {"username": "ann", "password": SECRET}
        else:
            choice: dict[str, Any] = chance.choice(
                [
                    {"token": f"{TOKEN}-exec"},
                    {"clientCertificateData": certificate, "clientKeyData": key},
                    {"token": TOKEN, "expirationTimestamp": "2199-01-01T00:00:00Z"},
                ]
            )
            version = chance.choice([V1, V1BETA1])
            files["bin/plugin"] = script(credential(version, **choice))
            user |= plugin(
                apiVersion=version,
                command=chance.choice(["bin/plugin", "./bin/plugin", "@FOLDER@/bin/plugin"]),
                provideClusterInfo=chance.random() < 0.5,
                interactiveMode=chance.choice(["Never", "IfAvailable"]),
                args=chance.choice([None, ["a"]]),
            )
    if chance.random() < 0.35:
        user |= {"as": chance.choice(["bob", "system:serviceaccount:a:b", "jürgen"])}
        if chance.random() < 0.6:
            user["as-groups"] = chance.sample(["g1", "system:masters", "y", "a b"], 2)
        if chance.random() < 0.4:
            user["as-user-extra"] = {chance.choice(["a/b", "Key", "x%y"]): chance.sample(["1", "v w", "é"], 2)}
        if chance.random() < 0.3:
            user["as-uid"] = "u-1"
    return user
