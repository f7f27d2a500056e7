"""What an error advises: "running it again goes on from here" stands only where nothing else is needed."""

from __future__ import annotations

import signal
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kamaji_equinix.automation import errors
from kamaji_equinix.automation.engine import advice, failures
from kamaji_equinix.automation.engine.death import EngineDied, crash_in
from kamaji_equinix.automation.engine.remote_errors import ENGINE_GONE, MONITOR_GONE, plain
from kamaji_equinix.automation.errors import EngineFailed, OperationError
from kamaji_equinix.automation.fleet import Outcome, Summary
from kamaji_equinix.components.handoff.errors import HandoffError
from pulumi import automation

OPERATIONS = ("up", "preview", "refresh", "destroy", "import")

TRANSIENT = (
    "Detected that pulumi-resource-kubernetes exited prematurely.",
    "rpc error: code = Unavailable desc = error reading from server: EOF",
    "error reading from server: EOF",
    "program exited with non-zero exit code: -1",
    "Operation cannot be fulfilled on clusters: please apply your changes to the latest version and try again",
    "the server is currently unable to handle the request",
    ENGINE_GONE,
)

LASTING = {
    'resource "c" cannot be deleted\nbecause it is protected. To unprotect the resource, ...': "cluster.protect: false",
    "the server has asked for the client to provide credentials": "Renew the credentials",
    "x509: certificate has expired or is not yet valid": "Renew the credentials",
    'clusters is forbidden: User "u" cannot create resource "clusters"': "Grant the right",
    'admission webhook "v" denied the request: spec.version: unsupported': "change the setting",
    'Cluster "c" is invalid: spec.x: Invalid value: 1': "change the setting",
    "exceeded quota: machines, requested: 3, limited: 2": "change the setting",
    "dial tcp 192.0.2.1:6443: connect: connection refused": "reachable",
    "Could not automatically download and install resource plugin 'pulumi-resource-kubernetes' at version v4.25.0, install "
    "the plugin using `pulumi plugin install resource kubernetes v4.25.0`: failed all 5 attempts": "Install the plugin",
    "no resource plugin 'pulumi-resource-kubernetes' found in the workspace at version v4.25.0": "Install the plugin",
    "failed to write state: no space left on device": "Make room",
    "Program failed with an unhandled exception:\nTraceback (most recent call last):\nKeyError: 'a'": "The program itself",
    "python inline source runtime error: 'a'\nTraceback (most recent call last):\n  ...\nKeyError: 'a'": "The program itself",
}
"""Messages of failures that repeat themselves, and a part of what is said to do first."""

UNKNOWN = ("something that nobody has met", "timed out waiting to be Ready", "chart a has no version 9")

SUMMARIES = ("update failed", "destroy failed", "preview failed")


def failure_of(operation: str, *messages: str, output: str = "\n code: 255\n stdout: \n stderr: ") -> OperationError:
    cause = automation.CommandError(automation.CommandResult(stdout="", stderr="", code=255))
    return failures.failure(operation, "dev", [("", text) for text in messages], cause, output)


def death(number: int, kills: int | None = 0) -> EngineDied:
    return EngineDied(automation.CommandResult("@ updating....", "", -number), 4711, number, kills)


def death_text(
    operation: str, *messages: str, number: int = 9, kills: int | None = 0, last: str = "", backend: str = "file:///b"
) -> str:
    cause = death(number, kills)
    reports = [("", text) for text in messages]
    return str(failures.failure(operation, "dev", reports, cause, str(cause), last=last, backend=backend))


@given(
    st.sampled_from(OPERATIONS), st.lists(st.sampled_from(TRANSIENT + UNKNOWN + SUMMARIES + tuple(LASTING)), min_size=1)
)
def test_running_it_again_is_the_advice_only_where_nothing_else_is_needed(
    operation: str, messages: Sequence[str]
) -> None:
    text = str(failure_of(operation, *messages))
    causes = [message for message in messages if message not in SUMMARIES]
    enough = bool(causes) and all(message in TRANSIENT for message in causes)
    continues = operation in ("up", "destroy")
    assert (advice.GO_ON in text) == (enough and continues), f"true advice alone:\n{text}"
    if not continues:
        assert "goes on" not in text, f"another operation begins anew:\n{text}"
    for message in causes:
        assert LASTING.get(message, "") in text, f"each cause has its step:\n{text}"
    assert text.splitlines()[-1].startswith("  next: "), f"there is a step, on a line that can be found:\n{text}"


@pytest.mark.parametrize("kind", [*OperationError.__subclasses__(), *EngineFailed.__subclasses__(), errors.TimedOut])
def test_no_kind_of_error_says_by_itself_that_it_goes_on(kind: type[OperationError]) -> None:
    if kind.__name__ != "FleetError":
        assert advice.GO_ON not in str(kind("x", stack="dev")), "the advice depends on the cause"


def test_errors_with_advice_of_their_own_get_no_other() -> None:
    handoff = HandoffError("tls", "h", expectation="a", observation="b", elapsed=1, advice="renew it")
    texts = (
        str(handoff),
        "the stack's configuration has 1 mistake; nothing was created or changed:\n  - a: one",
        "management cluster https://m:6443:\n- it lacks kamajicontrolplanes\nnothing was created or changed",
    )
    for text in texts:
        for operation in OPERATIONS:
            assert "again" not in str(failure_of(operation, text, "update failed")), (
                f"{text} fails in the same way again"
            )


def test_what_pulumi_refuses_before_it_starts_promises_nothing() -> None:
    error = failure_of("up", output="\n code: 255\n stdout: \n stderr: error: incorrect passphrase")
    assert "passphrase with which the stack was created. Then run it again." in str(error), f"{error}"
    other = failure_of("up", output="\n code: 255\n stdout: \n stderr: error: no such flag")
    assert str(other) == "up of stack dev failed: no such flag", "nothing more is known"


def test_an_engine_that_ends_without_a_reason_is_said_to() -> None:
    output = "\n code: 3\n stdout: Updating (dev):\n@ updating....\n stderr: "
    assert "ended with exit code 3 and gave no reason; last seen: " in str(failure_of("up", output=output)), (
        "not its output alone"
    )
    for output in ("", "\n code: 1\n stdout: \n stderr: "):
        assert "gave no reason" in str(failure_of("up", output=output)), "never an empty error"


@given(st.sampled_from(OPERATIONS), st.sampled_from(list(signal.Signals)), st.none() | st.integers(0, 3))
def test_a_killed_engine_is_named_with_its_signal_and_memory_only_where_the_kernel_allows_that(
    operation: str, number: signal.Signals, kills: int | None
) -> None:
    text = death_text(operation, number=number, kills=kills, last="Cluster/a: create started")
    first, *_ = text.splitlines()
    assert "the engine (pulumi, process 4711)" in first, f"which process: {first}"
    assert f"{int(number)} ({signal.Signals(number).name})" in first, f"which signal: {first}"
    assert ("memory" in text.lower()) == (number == signal.SIGKILL and kills != 0), f"nothing is made up:\n{text}"
    assert "last seen: Cluster/a: create started" in text, f"how far it was:\n{text}"
    assert "@ updating" not in text, f"the engine's last line says nothing:\n{text}"
    if operation in ("up", "destroy"):
        assert f"`kamaji-equinix {operation} --stack dev` again: it clears the lock" in text, text
        assert text.endswith("and goes on."), text
    else:
        assert "goes on" not in text, f"only these go on:\n{text}"


@pytest.mark.parametrize(
    "reason", ["fatal error: runtime: out of memory", "panic: nil map", "SIGSEGV: segmentation violation"]
)
def test_a_crash_is_told_by_its_one_line_that_says_why(reason: str) -> None:
    stack = "goroutine 1 [running]:\nmain.main()"
    assert crash_in(f"This is a bug!\n{reason}\n\n{stack}") == reason, "the stacks are for the log"
    assert crash_in(f"error: {reason}\n{stack}") == "", "another's words are quoted"
    assert crash_in(f"{reason}\n") == "", "nor is every line with such words a crash"
    cause = EngineDied(automation.CommandResult("", "", 2), 4711, 0, 0, reason)
    text = str(failures.failure("up", "dev", [], cause, str(cause), backend="file:///b"))
    assert text.splitlines()[0] == f"up of stack dev failed: the engine (pulumi, process 4711) crashed: {reason}", text
    assert "it clears the lock" in text, f"a crash leaves one, too:\n{text}"


def test_a_lock_that_pulumi_cloud_holds_is_not_said_to_be_cleared() -> None:
    text = death_text("up", backend="https://api.pulumi.com")
    assert "clears the lock" not in text, f"its lease names no process:\n{text}"
    assert "`pulumi cancel --yes --stack dev` releases the stack" in text, text
    assert "in Pulumi Cloud `pulumi cancel" in death_text("up", backend=""), (
        "where pulumi login chose it, it may be either"
    )


def test_what_an_engine_had_reported_before_it_died_is_kept() -> None:
    text = death_text("up", "the API server refused it\nin detail", ENGINE_GONE)
    assert "  it had reported: the API server refused it\n" in text, text
    assert ENGINE_GONE not in text, "that is said already"


@pytest.mark.parametrize("operation", ["preview", "refresh", "import"])
def test_a_stopped_operation_promises_only_what_it_keeps(operation: str) -> None:
    assert "goes on" not in advice.after_stop(operation), "there is nothing to go on with"
    assert "goes on" in advice.after_stop("up"), "an up can be gone on with"


def inactive(code: str, details: str, *, kind: str = "_InactiveRpcError", indent: str = "") -> str:
    lines = [
        f"<{kind} of RPC that terminated with:",
        f"\tstatus = StatusCode.{code}",
        f'\tdetails = "{details}"',
        f'\tdebug_error_string = "UNKNOWN:Error received {{grpc_status:14, grpc_message:"{details}"}}"',
        ">",
    ]
    return f"\n{indent}".join(lines)


@pytest.mark.parametrize("kind", ["_InactiveRpcError", "_MultiThreadedRendezvous", "AioRpcError"])
@pytest.mark.parametrize("indent", ["", "    "])
@pytest.mark.parametrize(
    "before",
    ["", "Exception calling application: ", "rpc error: code = Unknown desc = Exception calling application: "],
)
def test_grpcs_own_text_never_reaches_a_user(kind: str, indent: str, before: str) -> None:
    failure = inactive("UNAVAILABLE", "failed to connect to all addresses; last error: a", kind=kind, indent=indent)
    assert plain(f"{before}{failure}") == ENGINE_GONE, "the sentence alone"
    other = inactive("INVALID_ARGUMENT", 'the "b" is wrong', kind=kind, indent=indent)
    assert plain(f"{before}{other}\nmore") == 'the "b" is wrong (gRPC: INVALID_ARGUMENT)\nmore', "with its own words"


def test_what_pulumis_runtime_makes_of_it_is_the_same_sentence() -> None:
    trace = f"Traceback (most recent call last):\n  File a\npulumi.errors.RunError: {MONITOR_GONE}"
    assert plain(trace).endswith(ENGINE_GONE), "one sentence for one cause"


@given(st.text(), st.text(alphabet=st.characters(exclude_characters='">')), st.text())
def test_any_text_around_one_of_grpcs_errors_stays(before: str, details: str, after: str) -> None:
    text = plain(f"{before}|{inactive('UNAVAILABLE', details)}|{after}")
    assert text == f"{before}|{ENGINE_GONE}|{after}", "only its own part is replaced"


def test_a_lost_engine_is_no_first_reason_where_there_is_another() -> None:
    error = failure_of("up", ENGINE_GONE, "the API server refused it")
    assert str(error).startswith("up of stack dev failed: the API server refused it"), f"{error}"
    assert str(failure_of("up", ENGINE_GONE)).startswith(f"up of stack dev failed: {ENGINE_GONE}"), "alone it is one"


@given(st.lists(st.sampled_from((ENGINE_GONE, *SUMMARIES, *UNKNOWN)), min_size=1))
def test_the_first_reason_is_a_cause_and_a_summary_only_where_there_is_no_other(messages: Sequence[str]) -> None:
    error = failure_of("up", *messages)
    assert isinstance(error, EngineFailed)
    ranks = [
        next(rank for rank, texts in enumerate((UNKNOWN, (ENGINE_GONE,), SUMMARIES)) if m in texts) for m in messages
    ]
    first = next(message for message, rank in zip(messages, ranks, strict=True) if rank == min(ranks))
    assert error.messages[0] == first, "what says most comes first, otherwise in the engine's order"
    assert str(error).startswith(f"up of stack dev failed: {first}"), f"{error}"


def outcome(error: OperationError | None) -> list[str]:
    return Outcome("dev", None, error, 12.3).lines()


def test_a_stack_of_a_fleet_that_failed_has_its_reason_in_its_line() -> None:
    trace = "Program failed with an unhandled exception:\nTraceback (most recent call last):\n  File a\nKeyError: 'a'"
    first, *others = outcome(failure_of("up", trace))
    assert first == "dev: failed after 12 s: KeyError: 'a'", "not the words that begin each traceback"
    assert all(line.startswith("    ") for line in others), f"no other line looks like a stack's: {others}"
    assert any("File a" in line for line in others), "the rest is there"
    report = failures.failure("up", "dev", [], death(9), str(death(9)), backend="file:///b")
    assert (
        outcome(report)[0]
        == "dev: failed after 12 s: the engine (pulumi, process 4711) was killed by signal 9 (SIGKILL)"
    )
    assert outcome(None) == ["dev: succeeded (12 s)"], "as before"
    summary = str(Summary((Outcome("dev", None, report, 1), Outcome("two", 1, None, 2)), 3))
    assert [line for line in summary.splitlines() if not line.startswith(" ")] == [
        "1 of 2 stacks succeeded in 3 s",
        outcome(report)[0].replace("12 s", "1 s"),
        "two: succeeded (2 s)",
    ], "a line for each stack"


@given(st.text(max_size=500))
def test_each_failure_of_a_fleet_begins_with_one_short_line(text: str) -> None:
    first, *others = outcome(OperationError(text, stack="dev"))
    assert first.startswith("dev: failed after 12 s: "), "the stack and that it failed"
    assert len(first) < 240, f"a terminal shows it: {first}"
    reason = first.removeprefix("dev: failed after 12 s: ")
    assert reason, "never without a reason"
    texts = ["".join("".join(lines).split()) for lines in ([reason, *others], others)]
    assert not text.strip() or "".join(text.split()) in texts, "nothing is lost, of a long line neither"
