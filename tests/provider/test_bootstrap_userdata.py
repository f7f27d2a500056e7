"""A worker's user data through all hands: kubeadm provider, capp's Go templating, cloud-init's jinja2, YAML, shell."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kamaji_equinix.components.manifests import bootstrap
from kamaji_equinix.components.settings.load import load_stack
from kamaji_equinix.components.settings.report import SettingsError
from kamaji_equinix.components.settings.stack_file import read_stack_file

from tests.support.seed import ROOT, seed_documents
from tests.support.settings_cases import FULL, configuration
from tests.support.userdata import DEVICE, UserData, make


def user_data(raw: dict[str, Any], pool: int = 0, secrets: dict[str, str] | None = None) -> UserData:
    """The user data of a pool's workers."""
    cluster = load_stack(raw).clusters[0]
    template = bootstrap.bootstrap_template(cluster, cluster.worker_pools[pool])
    return make(template, f"v{cluster.pool_version(cluster.worker_pools[pool])}", secrets)


def pool_data(bootstrap_settings: dict[str, Any], **pool: Any) -> UserData:
    """The user data of a single pool with a bootstrap section."""
    return user_data(configuration(workerPools=[{"name": "a", "bootstrap": bootstrap_settings, **pool}]))


def check_shell(script: str) -> None:
    """Both shells can read a script: cloud-init's /bin/sh is dash on Ubuntu."""
    for shell in ("bash", "sh"):
        process = subprocess.run([shell, "-n"], input=script, capture_output=True, text=True, check=False)
        assert process.returncode == 0, f"{shell} can't read it: {process.stderr}\n{script}"


def test_the_default_profile_arrives_as_a_script_that_shells_can_read() -> None:
    data = pool_data({})
    check_shell(data.script)
    assert "pkgs.k8s.io/core:/stable:/v1.33/deb/" in data.script, "packages of the cluster's minor"
    assert "'kubelet=1.33.0-*'" in data.script, "and exactly its version"
    assert "apt.kubernetes.io" not in data.script, "that repository is gone"
    commands = data.config["runcmd"]
    assert commands[-1].startswith("kubeadm join "), "the machine joins after its preparation"
    assert all("{{" not in command for command in commands), "nothing is left for nobody"


def test_the_default_profile_takes_the_pools_own_version() -> None:
    data = pool_data({}, kubernetesVersion="1.32.4")
    assert "/v1.32/deb/" in data.script, "the repository of the pool's minor"
    assert "kubeadm=1.32.4-*" in data.script, "the pool's version"


def test_the_provider_id_is_the_devices_after_all_templating() -> None:
    data = pool_data({})
    assert "{{ `{{ v1.instance_id }}` }}" in data.source, "quoted for capp"
    assert "equinixmetal://{{ v1.instance_id }}" in data.result, "for cloud-init"
    arguments = data.join_configuration["nodeRegistration"]["kubeletExtraArgs"]
    assert arguments == {"provider-id": f"equinixmetal://{DEVICE}"}, "for the kubelet"


def test_labels_and_taints_arrive() -> None:
    pool = {"labels": {"tier": "web"}, "taints": [{"key": "a", "effect": "NoSchedule"}]}
    registration = pool_data({}, **pool).join_configuration["nodeRegistration"]
    assert registration["kubeletExtraArgs"]["node-labels"] == "tier=web", "the kubelet sets them"
    assert registration["taints"] == [{"key": "a", "effect": "NoSchedule"}], "so does it these"


def test_the_seeds_own_commands_arrive_with_the_version_filled_in() -> None:
    data = user_data(read_stack_file(ROOT / "Pulumi.seed.yaml")[0])
    (document,) = seed_documents()["KubeadmConfigTemplate"]["spec"]["template"]["spec"]["preKubeadmCommands"]
    assert data.config["runcmd"][0] == document.replace("{{ .kubernetesVersion }}", "v1.27.0"), "byte by byte else"
    check_shell(data.script)
    assert data.config["users"] == [
        {
            "name": "root",
            "lock_passwd": False,
            "ssh_authorized_keys": [
                "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExampleExampleExampleExampleExampleExampleE example@example.org"
            ],
        }
    ], "the keys that capp never sends"


def test_all_that_can_be_given_arrives() -> None:
    data = user_data(FULL, secrets={"s/k": "aGVsbG8="})
    commands = data.config["runcmd"]
    assert commands[:2] == ["echo v1.33.0", f"echo {DEVICE}"], "own commands, templated"
    assert commands[-1] == "true", "commands after joining"
    files = {item["path"]: item for item in data.config["write_files"]}
    assert files["/etc/a"]["content"].rstrip("\n") == "a\nb", "content"
    assert files["/etc/a"]["permissions"] == "0644", "mode"
    assert files["/etc/a"]["append"] is True, "appended"
    assert files["/etc/b"]["encoding"] == "base64", "encoding"
    users = {item["name"]: item for item in data.config["users"]}
    assert users["alice"] == {
        "name": "alice",
        "ssh_authorized_keys": [
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExampleExampleExampleExampleExampleExampleE alice"
        ],
        "groups": "sudo",
        "sudo": "ALL=(ALL) NOPASSWD:ALL",
        "shell": "/bin/bash",
    }, "users"


@pytest.mark.parametrize("example", ["staging", "production"])
def test_each_pool_of_the_examples_gets_user_data(example: str) -> None:
    raw, *_ = read_stack_file(ROOT / f"Pulumi.{example}.yaml")
    for index in range(len(raw["workerPools"])):
        data = user_data(raw, index, {"registry-credentials/hosts.toml": "server = 'https://registry.example.org'"})
        check_shell(data.script)
        kubelet = data.join_configuration["nodeRegistration"]["kubeletExtraArgs"]
        assert kubelet["provider-id"] == f"equinixmetal://{DEVICE}", "each joins as its device"


@pytest.mark.parametrize(
    "text", ["echo {{ v1.instance_id }}", "echo {{", 'echo {{ "x" }}', "echo ${#list}", "echo {% x"]
)
def test_what_the_settings_refuse_would_really_have_broken(text: str) -> None:
    """The other half of the table of wrong configurations: a rule that refuses what works would be a wrong rule."""
    cluster = load_stack(configuration()).clusters[0]
    template = bootstrap.bootstrap_template(cluster, cluster.worker_pools[0])
    template["spec"]["template"]["spec"]["preKubeadmCommands"] = [text]
    with pytest.raises(ValueError, match=r"template|jinja2"):
        make(template, "v1.33.0")
    with pytest.raises(SettingsError, match="commands"):
        load_stack(configuration(workerPools=[{"name": "a", "bootstrap": {"commands": [text]}}]))


FRAGMENTS = st.sampled_from(
    [
        "{{ .kubernetesVersion }}",
        "{{- .kubernetesVersion -}}",
        "{{ `{{ v1.instance_id }}` }}",
        "{",
        "}",
        "%}",
        "#}",
        "`",
        "echo",
        " ",
        "\n",
        "'",
        '"',
        "\\",
        "$x",
        "${x}",
        "é",
        "\t",
        "#",
        "%",
        "{{",
        "{%",
        "{#",
        "`x`",
        "{{ `x` }}",
        "{{/* x */}}",
    ]
)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(FRAGMENTS, min_size=1, max_size=8).map("".join))
def test_a_command_that_the_settings_take_arrives(text: str) -> None:
    raw = configuration(workerPools=[{"name": "a", "bootstrap": {"commands": [text]}}])
    try:
        load_stack(raw)
    except SettingsError:
        return
    command = user_data(raw).config["runcmd"][0]
    assert isinstance(command, str), "as a command"
    if "{{" not in text:
        assert command == text, "text without templates arrives as it is"
