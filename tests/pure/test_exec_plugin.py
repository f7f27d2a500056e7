"""When a credential plugin is run, and whom it may ask. What it is told and may answer is compared with kubectl elsewhere."""

from __future__ import annotations

import datetime
import os
import pty
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from kamaji_equinix.components.kube import exec_plugin
from kamaji_equinix.components.kube.access import AccessError, Secrets
from kamaji_equinix.components.kube.exec_plugin import VERSIONS, Plugin, PluginLogin, login_of

from tests.conftest import ROOT


class Counting:
    """A plugin whose n-th run gives ``token-n``; ``says`` is the script that it runs before."""

    def __init__(self, folder: Path, mode: str = "Never") -> None:
        self.runs, self.says, self.ends = folder / "runs", folder / "says", folder / "ends"
        self.says.write_text("")
        self.until(None)
        program = folder / "plugin"
        program.write_text(
            f"#!/bin/sh\necho run >> {self.runs}\n. {self.says}\nN=${{N-$(grep -c run {self.runs})}}\n"
            f'printf \'{{"apiVersion": "{VERSIONS[0]}", "kind": "ExecCredential", "status": {{"token": "token-%s"%s}}}}\' '
            f'"$N" "$(cat {self.ends})"\n'
        )
        program.chmod(0o755)
        self.plugin = Plugin("here", str(program), mode=mode)
        self.login = PluginLogin(self.plugin)

    def until(self, seconds: float | None) -> None:
        """Let what it gives from now on end in some seconds."""
        moment = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds or 0)
        text = f', "expirationTimestamp": "{moment:%Y-%m-%dT%H:%M:%SZ}"' if seconds is not None else ""
        self.ends.write_text(text)

    @property
    def count(self) -> int:
        return self.runs.read_text().count("run") if self.runs.exists() else 0


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Counting:
    # Hours instead of seconds: a slow machine must not make a difference.
    monkeypatch.setattr(exec_plugin, "EARLY", 7200.0)
    monkeypatch.setattr(exec_plugin, "PAUSE", 3600.0)
    return Counting(tmp_path)


def test_a_plugin_is_run_once_for_credentials_without_an_end(plugin: Counting) -> None:
    assert [plugin.login.secrets().token for _ in range(3)] == ["token-1"] * 3, "what it gave is kept"
    assert plugin.count == 1, "it may be slow"
    assert login_of(plugin.plugin) is login_of(Plugin("here", plugin.plugin.command)), (
        "all who describe it alike share it"
    )


def test_a_plugin_is_run_again_before_its_credentials_end(plugin: Counting) -> None:
    plugin.until(exec_plugin.EARLY / 2)
    assert plugin.login.secrets().token == "token-1", "good for some seconds yet"
    plugin.until(86400)
    assert plugin.login.secrets().token == "token-2", "but renewed before they end"
    assert [plugin.login.secrets().token for _ in range(3)] == ["token-2"] * 3, "those last"


def test_a_plugin_that_keeps_its_credentials_to_their_end_is_not_run_for_each_request(plugin: Counting) -> None:
    plugin.until(exec_plugin.EARLY / 2)
    for _ in range(5):
        plugin.login.secrets()
    assert plugin.count == 2, "once, and once early: it gave the same end again"


def test_a_plugin_that_fails_early_costs_nothing_and_one_that_fails_late_is_named(plugin: Counting) -> None:
    plugin.until(exec_plugin.EARLY / 2)
    plugin.login.secrets()
    plugin.says.write_text("echo the VPN is down >&2; exit 1\n")
    assert plugin.login.secrets().token == "token-1", "still good"
    plugin.login._expires = 0.0
    with pytest.raises(AccessError, match="failed with 1: the VPN is down"):
        plugin.login.secrets()
    plugin.says.write_text("")
    assert plugin.login.secrets().token == "token-4", "and asked again by the next request"


def test_what_a_server_refuses_is_renewed_once_by_all_threads_together(plugin: Counting) -> None:
    secrets = plugin.login.secrets()
    threads = [threading.Thread(target=plugin.login.renew, args=(secrets,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert plugin.count == 2, "the first to come runs it, the others take what it gave"
    assert plugin.login.renew(secrets), "who comes late has something else to try, too"


def test_a_plugin_that_gives_what_was_refused_is_left_alone_for_a_while(plugin: Counting) -> None:
    plugin.says.write_text("N=same\n")
    secrets = plugin.login.secrets()
    assert [plugin.login.renew(secrets) for _ in range(3)] == [False] * 3, "there is nothing else to try"
    assert plugin.count == 2, "a slow plugin would make each refused request slow"
    assert secrets == Secrets("token-same"), "what it gave"


ASKS = 'if [ -t 0 ]; then printf "who? " >&2; read N; fi\n( : < /dev/tty ) 2>/dev/null && echo tty >> {runs}\n'


@pytest.mark.parametrize(
    ("mode", "token"), [("Never", "token-1"), ("IfAvailable", "token-ann"), ("Always", "token-ann")]
)
def test_only_a_plugin_that_may_ask_finds_a_terminal(mode: str, token: str, tmp_path: Path) -> None:
    counter = Counting(tmp_path, mode)
    counter.says.write_text(ASKS.format(runs=counter.runs))
    code = (
        "from kamaji_equinix.components.kube.exec_plugin import Plugin, run\n"
        f"print(run(Plugin('here', {counter.plugin.command!r}, mode={mode!r}))[0].token)\n"
    )
    master, slave = pty.openpty()
    os.write(master, b"ann\n")
    process = subprocess.run(
        [sys.executable, "-c", f"import fcntl, os, termios\nfcntl.ioctl(0, termios.TIOCSCTTY, 0)\n{code}"],
        stdin=slave,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        start_new_session=True,
        cwd=ROOT,
    )
    os.close(slave)
    os.close(master)
    assert process.stdout.strip() == token, f"it asked only if it may: {process.stderr}"
    has_terminal = "tty" in counter.runs.read_text()
    assert has_terminal == (mode != "Never"), "one that may not ask does not find the terminal by another way"


def test_a_plugin_that_always_asks_is_named_where_nobody_is(tmp_path: Path) -> None:
    counter = Counting(tmp_path, "Always")
    code = (
        "from kamaji_equinix.components.kube.exec_plugin import Plugin, run\n"
        f"run(Plugin('here', {counter.plugin.command!r}, mode='Always'))\n"
    )
    process = subprocess.run(
        [sys.executable, "-c", code], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False
    )
    assert "asks questions (interactiveMode: Always), and there is no terminal to ask" in process.stderr, process.stderr
    assert counter.count == 0, "it is not run"
