"""User data is read as cloud-init, kubeadm and the kubelet read it."""

from __future__ import annotations

import base64
import gzip
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.simulation import cloudinit, commands, kubeadm
from lab.simulation.cloudinit import CloudConfig
from lab.simulation.trouble import BootFailure
from tests.support.devices import JOIN_V1BETA3, userdata

INSTANCE = {"v1": {"instance-id": "i-1", "local-hostname": "w1"}, "ds": {"meta-data": {"local-hostname": "w1"}}}


def file_of(**entry: Any) -> cloudinit.WrittenFile:
    return cloudinit.files([{"path": "/f", **entry}])["/f"]


def test_what_cluster_api_writes_is_read_whole() -> None:
    join = kubeadm.read(cloudinit.read(userdata(), INSTANCE))
    assert join.endpoint == "127.0.0.1:6443", "the endpoint"
    assert (join.token_id, join.token_secret) == ("abcdef", "0123456789abcdef"), "both halves of the token"
    assert join.provider_id == "equinixmetal://i-1", "jinja has put the instance id in"
    assert join.labels == {"pool": "worker-a", "node.kubernetes.io/role": "metal"}, "node-labels"
    assert [taint["key"] for taint in join.taints] == [
        "node.cluster.x-k8s.io/uninitialized",
        "node.cloudprovider.kubernetes.io/uninitialized",
    ], "own taints, and that of external cloud providers"


def test_the_older_format_has_arguments_as_a_mapping() -> None:
    join = kubeadm.read(cloudinit.read(userdata(join=JOIN_V1BETA3), INSTANCE))
    assert (join.name, join.provider_id, join.taints) == ("w1", "equinixmetal://i-1", ()), (
        "name from metadata, no taint"
    )


def test_each_format_refuses_the_arguments_of_the_other() -> None:
    older = userdata(join=JOIN_V1BETA3.replace("v1beta3", "v1beta4"))
    with pytest.raises(BootFailure, match=r"no list of name and value, as kubeadm\.k8s\.io/v1beta4 needs"):
        kubeadm.read(cloudinit.read(older, INSTANCE))
    with pytest.raises(BootFailure, match=r"no mapping, as kubeadm\.k8s\.io/v1beta3 needs"):
        kubeadm.read(cloudinit.read(userdata().replace("v1beta4", "v1beta3"), INSTANCE))


@pytest.mark.parametrize(
    ("encoding", "content"),
    [
        ("b64", base64.b64encode(b"text\n").decode()),
        ("base64", base64.b64encode(b"text\n").decode()),
        # Without a time in its header: two workers that collect the tests must come to the same names.
        ("gz+b64", base64.b64encode(gzip.compress(b"text\n", mtime=0)).decode()),
        ("gzip+base64", base64.b64encode(gzip.compress(b"text\n", mtime=0)).decode()),
        ("text/plain", "text\n"),
        ("", "text\n"),
    ],
)
def test_files_are_written_without_their_encoding(encoding: str, content: str) -> None:
    assert file_of(encoding=encoding, content=content).content == "text\n", "the decoded content"


@given(st.binary(max_size=200))
def test_any_text_survives_gzip_and_base64(data: bytes) -> None:
    text = data.decode(errors="replace")
    encoded = base64.b64encode(gzip.compress(text.encode())).decode()
    assert file_of(encoding="gz+b64", content=encoded).content == text, "the same text"


@pytest.mark.parametrize(("encoding", "content"), [("b64", "%%%"), ("gz+b64", "aGVsbG8="), ("rot13", "x")])
def test_a_wrong_encoding_is_named_with_the_file(encoding: str, content: str) -> None:
    with pytest.raises(BootFailure, match=r"^/f of its user data .*" + encoding.replace("+", r"\+")):
        file_of(encoding=encoding, content=content)


def test_owner_permissions_and_append_are_kept() -> None:
    entries = [
        {"path": "/f", "content": "a\n", "permissions": "0600", "owner": "root:adm"},
        {"path": "/f", "content": "b\n", "append": True, "permissions": "0640"},
    ]
    file = cloudinit.files(entries)["/f"]
    assert (file.content, file.mode) == ("a\nb\n", 0o640), "the second entry is added to the first"
    assert file_of(content="").mode == 0o644, "the default mode"
    with pytest.raises(BootFailure, match="permissions 'rw', no octal number"):
        file_of(permissions="rw")


def test_templates_see_instance_data_as_cloud_init_shows_it() -> None:
    names = ["v1.instance_id", "instance_id", "ds.meta_data.local_hostname", "ds['meta-data']['local-hostname']"]
    text = " ".join(f"{{{{ {name} }}}}" for name in names)
    assert cloudinit.render(f"## template: jinja\n{text}\n", INSTANCE) == "i-1 i-1 w1 w1\n", (
        "names with - also with _, those of v1 also at the top"
    )


def test_text_without_the_header_is_no_template() -> None:
    assert cloudinit.render("#cloud-config\n{{ x }}\n", INSTANCE) == "#cloud-config\n{{ x }}\n", "it stays as it is"


def test_templates_cannot_reach_python() -> None:
    with pytest.raises(BootFailure, match="cannot be rendered"):
        cloudinit.render("## template: jinja\n{{ ''.__class__.__mro__ }}\n", INSTANCE)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "has no user data"),
        ("#!/bin/sh\nkubeadm join\n", "is no cloud-config: the first line must be #cloud-config, not '#!/bin/sh'"),
        ("## template: mako\n#cloud-config\n", "asks for template 'mako'"),
        ("#cloud-config\n- a\n", "is no YAML mapping"),
        ("#cloud-config\na: [\n", r"is not valid YAML: .*\(line 3, column 1\)"),
        ("#cloud-config\nversion: <no value>\n", "holds '<no value>'"),
        ("#cloud-config\nwrite_files: {}\nruncmd: x\n", "runcmd of its user data is no list"),
        ("#cloud-config\nwrite_files: [{path: relative}]\n", r"write_files\[0\] of its user data has no absolute path"),
        ("#cloud-config\nruncmd: [{a: b}]\n", r"runcmd\[0\] of its user data is neither text nor a list"),
        ("## template: jinja\n#cloud-config\na: {{ nope }}\n", "unresolved jinja variable: 'nope' is undefined"),
        (
            "## template: jinja\n#cloud-config\nb: {{ .version }}\n",
            r"is not valid jinja: .*, line 3: 'b: {{ .version }}'",
        ),
    ],
)
def test_user_data_that_cannot_be_read_says_why(text: str, reason: str) -> None:
    with pytest.raises(BootFailure, match=reason):
        cloudinit.read(text, INSTANCE)


def test_errors_in_yaml_quote_nothing_of_it() -> None:
    text = "#cloud-config\nwrite_files:\n- token: abcdef.0123456789abcdef: x\n"
    with pytest.raises(BootFailure) as error:
        cloudinit.read(text, INSTANCE)
    assert "0123456789abcdef" not in str(error.value), "user data holds a token"


def test_a_list_in_runcmd_is_one_quoted_command() -> None:
    config = cloudinit.read("#cloud-config\nruncmd:\n- [echo, 'a b', 1]\n- echo $HOME\n- null\n", {})
    assert config.commands == ("echo 'a b' 1", "echo $HOME"), "words are quoted, text is taken as it is"


def test_kubeadm_join_is_found_in_a_script_that_runcmd_calls() -> None:
    script = '#!/bin/bash\nretry() {\n  "$@" --config=/run/j.yaml -v 5\n}\nretry kubeadm join phase preflight\n'
    config = CloudConfig(
        cloudinit.files([{"path": "/usr/local/bin/join", "content": script}]), ("/usr/local/bin/join && echo ok",)
    )
    assert kubeadm.config_path(config) == "/run/j.yaml", "as Cluster API's script for retries calls it"


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("kubeadm.k8s.io/v1beta4", "kubeadm.k8s.io/v1beta1", "is of kubeadm.k8s.io/v1beta1; kubeadm reads"),
        ("127.0.0.1:6443", "127.0.0.1", "apiServerEndpoint .* is '127.0.0.1', where host:port is needed"),
        ("127.0.0.1:6443", "127.0.0.1:99999", "where host:port is needed"),
        ("abcdef.0123", "ABCDEF.0123", "has a malformed token"),
        ("discovery:", "discover:", "has no discovery"),
        ("bootstrapToken:", "file:", "has no discovery.bootstrapToken"),
        ("sha256:", "md5:", "caCertHashes of its JoinConfiguration is no list of sha256:"),
        ("value: external", "value: aws", "cloud-provider is 'aws', where only external is left"),
        ("pool=worker-a", "pool", "node-labels holds 'pool', where name=value is needed"),
        ("effect: NoSchedule", "effect: Never", "node.cluster.x-k8s.io/uninitialized=:Never is no taint"),
        ("nodeRegistration:", "controlPlane: {a: b}\n      nodeRegistration:", "is of a control-plane machine"),
        ("--config /run", "--conf /run", "has no --config"),
    ],
)  # fmt: skip
def test_a_join_that_kubeadm_or_the_kubelet_would_refuse_is_refused(old: str, new: str, reason: str) -> None:
    text = userdata()
    assert old in text, "the case changes something"
    with pytest.raises(BootFailure, match=reason):
        kubeadm.read(cloudinit.read(text.replace(old, new), INSTANCE))


def test_discovery_without_pins_must_be_asked_for() -> None:
    text = userdata().replace("caCertHashes:\n          - sha256:" + "0" * 64, "unsafeSkipCAVerification: true")
    assert kubeadm.read(cloudinit.read(text, INSTANCE)).hashes == frozenset(), "no pin, as asked for"


def test_taints_given_to_the_kubelet_replace_the_others() -> None:
    arguments = {"register-with-taints": "a=b:NoSchedule,c:NoExecute"}
    taints = kubeadm.taints({"taints": [{"key": "x", "effect": "NoSchedule"}]}, arguments)
    assert taints == [
        {"key": "a", "value": "b", "effect": "NoSchedule"},
        {"key": "c", "effect": "NoExecute"},
    ], "as kubeletExtraArgs override the flags that kubeadm makes"


@pytest.mark.parametrize(
    ("label", "foreign"),
    [
        ("pool", False),
        ("example.com/pool", False),
        ("node.kubernetes.io/pool", False),
        ("sub.kubelet.kubernetes.io/x", False),
        ("topology.kubernetes.io/zone", False),
        ("kubernetes.io/role", True),
        ("node-role.kubernetes.io/worker", True),
        ("x.k8s.io/y", True),
    ],
)
def test_labels_of_kubernetes_own_domains_are_told_from_others(label: str, foreign: bool) -> None:
    assert kubeadm.is_reserved(label) is foreign, "as IsKubernetesLabel and IsKubeletLabel say"


@pytest.mark.parametrize(
    ("line", "version"),
    [
        ("apt-get install -qy 'kubelet=1.33.4-*'", "v1.33.4"),
        ("KUBERNETES_VERSION=v1.32.1", "v1.32.1"),
        ("TRIMMED_KUBERNETES_VERSION=$(echo v1.31.2 | sed 's/^v//')", "v1.31.2"),
        ("apt-get install -y containerd.io=1.7.27-1", ""),
        ("ctr images pull registry.k8s.io/kube-proxy:v1.30.0", "v1.30.0"),
    ],
)
def test_the_installed_version_is_read_from_the_commands(line: str, version: str) -> None:
    assert commands.installed_version(CloudConfig({}, (line,))) == version, line


def test_the_package_repository_tells_the_minor_version() -> None:
    line = "curl https://pkgs.k8s.io/core:/stable:/v1.33/deb/Release.key"
    assert commands.repository(CloudConfig({}, (line,))) == "1.33", line


def test_commands_that_lie_in_a_file_count_as_if_they_stood_in_runcmd() -> None:
    text = "install 'kubelet=1.33.4-*' https://pkgs.k8s.io/core:/stable:/v1.33/deb/\n"
    config = CloudConfig(cloudinit.files([{"path": "/run/a/commands.0", "content": text}]), (". /run/a/commands.0",))
    commands.check(config)
    assert commands.installed_version(config) == "v1.33.4", "the shell reads the file's lines as its own"
    assert commands.repository(config) == "1.33", "and this does likewise"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("echo 'unclosed\n", r"^/run/a of its user data is not valid shell"),
        ("echo {{ nope }}\n", r"^/run/a of its user data holds an unrendered template"),
    ],
)
def test_a_mistake_in_a_file_of_commands_names_the_file(text: str, reason: str) -> None:
    config = CloudConfig(cloudinit.files([{"path": "/run/a", "content": text}]), (". /run/a",))
    with pytest.raises(BootFailure, match=reason):
        commands.check(config)


def test_commands_from_a_file_that_nothing_writes_leave_a_machine_out() -> None:
    with pytest.raises(BootFailure, match=r"reads commands from /run/a, and writes no such file"):
        commands.check(CloudConfig({}, (". /run/a",)))
