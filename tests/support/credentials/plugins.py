"""Cases about credential plugins."""

from __future__ import annotations

import json
from collections.abc import Iterator

import yaml

from tests.support.credentials.build import (
    TOKEN,
    V1,
    V1BETA1,
    case,
    cluster,
    config,
    credential,
    exec_case,
    insecure,
    pair,
    plugin,
    script,
)
from tests.support.credentials.pki import PASSWORD, key_pem, pki
from tests.support.credentials.runs import SECRET, Case


def plugins() -> Iterator[Case]:
    certs = pki()
    ca_file = {"certificate-authority-data": None, "certificate-authority": "ca.crt"}
    yield exec_case("exec: v1")
    yield exec_case("exec: v1beta1", credential(V1BETA1), apiVersion=V1BETA1)
    yield exec_case("exec: v1beta1 without a mode", credential(V1BETA1), apiVersion=V1BETA1, interactiveMode=None)
    yield exec_case("exec: questions if there is somebody", interactiveMode="IfAvailable")
    yield exec_case("exec: told of the cluster", provideClusterInfo=True)
    extension = {
        "name": "client.authentication.k8s.io/exec",
        "extension": {"audience": "a", "n": [1, {"x": None}], "on": True},
    }
    yield exec_case(
        "exec: told of the cluster's extension",
        of=cluster(extensions=[{"name": "other", "extension": {"a": 1}}, extension]),
        provideClusterInfo=True,
    )
    yield exec_case(
        "exec: told of everything",
        of=cluster(
            **{"tls-server-name": "localhost", "disable-compression": True, "proxy-url": "http://127.0.0.1:@PROXYPORT@"}
        ),
        provideClusterInfo=True,
    )
    yield exec_case("exec: told of any certificate", of=insecure(), provideClusterInfo=True)
    yield exec_case("exec: told of a path", of=cluster(server="@URL@/k8s/"), provideClusterInfo=True)
    yield case(
        "exec: told of an authority in a file",
        config(plugin(provideClusterInfo=True), cluster(**ca_file)),
        files={"plugin": script(credential()), "ca.crt": certs.authority.pem},
    )
    yield exec_case(
        "exec: with arguments and variables",
        "",
        'test "$1 $2 $ROLE" = "a b admin" || exit 3',
        args=["a", "b"],
        env=[{"name": "ROLE", "value": "admin"}],
    )
    yield exec_case(
        "exec: a variable twice",
        "",
        'test "$ROLE" = b || exit 3',
        env=[{"name": "ROLE", "value": "a"}, {"name": "ROLE", "value": "b"}],
    )
    yield exec_case("exec: a variable without a value", "", 'test "${ROLE-x}" = "" || exit 3', env=[{"name": "ROLE"}])
    yield exec_case(
        "exec: a certificate", credential(clientCertificateData=certs.ec, clientKeyData=key_pem(certs.ec_key))
    )
    yield exec_case(
        "exec: a certificate and a token",
        credential(token=TOKEN, clientCertificateData=certs.rsa, clientKeyData=key_pem(certs.rsa_key)),
    )
    yield exec_case("exec: until tomorrow", credential(token=TOKEN, expirationTimestamp="2199-01-02T03:04:05Z"))
    yield exec_case(
        "exec: until yesterday", credential(token=TOKEN, expirationTimestamp="2019-01-02T03:04:05.678+02:00")
    )
    yield exec_case("exec: prints YAML", yaml.safe_dump(json.loads(credential())))
    yield exec_case(
        "exec: prints more fields", json.dumps({**json.loads(credential()), "spec": {"interactive": False}, "more": 1})
    )
    yield exec_case("exec: speaks to stderr, too", "", "echo hello >&2")
    yield case(
        "exec: by a path from the kubeconfig",
        config(plugin(command="./bin/plugin")),
        files={"bin/plugin": script(credential())},
    )
    yield case(
        "exec: by PATH",
        config(plugin(command="my-plugin")),
        files={"bin/my-plugin": script(credential())},
        env={"PATH": "@FOLDER@/bin:/usr/bin:/bin"},
    )
    yield case(
        "exec: by a PATH of its own variables",
        config(plugin(command="my-plugin", env=[{"name": "PATH", "value": "@FOLDER@/bin:/usr/bin:/bin"}])),
        files={"bin/my-plugin": script(credential())},
    )
    yield case(
        "exec: a token comes first",
        config({"token": TOKEN, **plugin()}),
        files={"plugin": script(credential(token="other"))},
    )
    yield case(
        "exec: a certificate comes first",
        config({**pair(certs.ec, key_pem(certs.ec_key)), **plugin()}),
        files={"plugin": script(credential())},
    )
    yield case(
        "exec: user and password come first",
        config({"username": "ann", "password": SECRET, **plugin()}),
        files={"plugin": script(credential())},
    )
    yield case("exec: as somebody", config({"as": "bob", **plugin()}), files={"plugin": script(credential())})


def bad_plugins() -> Iterator[Case]:
    certs = pki()
    yield exec_case("exec: no command", command="")
    yield exec_case("exec: no version", apiVersion=None)
    yield exec_case("exec: v1alpha1", apiVersion="client.authentication.k8s.io/v1alpha1")
    yield exec_case("exec: v1 without a mode", interactiveMode=None)
    yield exec_case("exec: a mode that is none", interactiveMode="Sometimes")
    yield exec_case("exec: questions always", interactiveMode="Always")
    yield exec_case("exec: a variable without a name", env=[{"name": "", "value": "x"}])
    yield exec_case("exec: prints another version", credential(V1BETA1))
    yield exec_case("exec: prints no version", json.dumps({"kind": "ExecCredential", "status": {"token": TOKEN}}))
    yield exec_case(
        "exec: prints another kind", json.dumps({"apiVersion": V1, "kind": "Secret", "status": {"token": TOKEN}})
    )
    yield exec_case("exec: prints no kind", json.dumps({"apiVersion": V1, "status": {"token": TOKEN}}))
    yield exec_case("exec: prints no status", json.dumps({"apiVersion": V1, "kind": "ExecCredential"}))
    yield exec_case("exec: prints no token", credential(token=""))
    yield exec_case("exec: prints a token of a number", credential(token=5))
    yield exec_case("exec: prints a token with a line end", credential(token=f"{TOKEN}\n"))
    yield exec_case("exec: prints a certificate without its key", credential(clientCertificateData=certs.ec))
    yield exec_case(
        "exec: prints a key without its certificate", credential(token=TOKEN, clientKeyData=key_pem(certs.ec_key))
    )
    yield exec_case(
        "exec: prints a certificate of another key",
        credential(clientCertificateData=certs.ec, clientKeyData=key_pem(certs.rsa_key)),
    )
    yield exec_case(
        "exec: prints an encrypted key",
        credential(clientCertificateData=certs.ec, clientKeyData=key_pem(certs.ec_key, password=PASSWORD)),
    )
    yield exec_case("exec: prints an end that is none", credential(token=TOKEN, expirationTimestamp="tomorrow"))
    yield exec_case("exec: prints text", "hello")
    yield exec_case("exec: prints more than one object", credential() + credential())
    yield exec_case(
        "exec: fails", "", f"echo the password {SECRET} is wrong >&2", "exit 7", env=[{"name": "X", "value": SECRET}]
    )
    yield case("exec: is not there", config(plugin(command="@FOLDER@/none", installHint="brew install it")))
    yield case("exec: is not on PATH", config(plugin(command="no-such-plugin", installHint="brew\u001b[1m install it")))
    yield case("exec: is no program", config(plugin()), files={"plugin": credential()})
    yield case("exec: is a folder", config(plugin()), files={"plugin/x": ""})
    yield case("exec: has no interpreter", config(plugin()), files={"plugin": "#!/no/such/shell\n"})
