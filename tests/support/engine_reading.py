"""What the real engine makes of a stack's file, and fragments of YAML to ask it about."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from kamaji_equinix.components.settings.stack_file import decode

import toolchain

WORDS = [
    *("no", "yes", "on", "off", "y", "n", "Y", "N", "Yes", "NO", "true", "True", "TRUE", "tRue", "false", "FALSE"),
    *("null", "Null", "NULL", "~", "", "nil", "none", ".nan", ".NaN", "nan", "NaN", "-.nan", "Infinity"),
    *(
        "1:30",
        "190:20:30",
        "0o10",
        "0O10",
        "010",
        "08",
        "0o8",
        "0b11",
        "0b2",
        "0x1F",
        "0X1f",
        "0x",
        "-0x1F",
        "+12",
        "-0o17",
    ),
    *(
        "1_000",
        "_1",
        "1__0",
        "0x_1",
        "1_0.5",
        "6e3",
        "1e3",
        "2e2",
        "1E9",
        "1e+2",
        "1e-7",
        "1.",
        ".5",
        ".5e3",
        "+.5",
        "-.5",
    ),
    *(
        "1e400",
        "-1e400",
        "1e21",
        "1e20",
        "123456789.0",
        "0.1",
        "100.0",
        "-0",
        "-0.0",
        "+0",
        "1.7976931348623157e308",
        ".",
    ),
    *(
        "9223372036854775807",
        "9223372036854775808",
        "18446744073709551615",
        "18446744073709551616",
        "-9223372036854775809",
    ),
    *("1" * 25, "1" * 400, "0" * 30, "+", "-", "--", "+-1", "1e", "e1", "1.2.3", "0.0.0", "1,000", "0x1p4", "1e1e1"),
    *(
        "2024-01-01",
        "2024-1-1",
        "2024-13-45",
        "2023-02-29",
        "2024-02-29",
        "0000-01-01",
        "20240101",
        "2024-01-01T00:00:00Z",
    ),
    *("2024-01-01T1:2:3Z", "2024-01-01t01:02:03.5Z", "2024-01-01 01:02:03", "2024-01-01 01:02:03.123456789"),
    *(
        "2024-01-01T01:02:03+02:00",
        "2024-01-01T01:02:03-05:30",
        "2024-01-01T25:00:00Z",
        "2024-01-01 01:02:03 +1",
        "12:30:45",
    ),
    *("<<", "=", "a", "ä", "a b", "a#b", "1.33.0", "v1.33.0", "10.0.0.0/8", "5a2e6a42-9c1f-4b6e-8a55-2f4f6f0d7c11"),
]
"""Plain text that readers of YAML disagree about."""

TAGS = [
    "!!str",
    "!!int",
    "!!float",
    "!!bool",
    "!!null",
    "!!timestamp",
    "!!binary",
    "!!map",
    "!!seq",
    "!!set",
    "!own",
    "!",
]

# ruff: noqa: E501 - one line for each kind of fragment
FRAGMENTS = [
    "{1: x}", "{1.0: x, true: y, ~: z, 2024-01-01: w}", "{0x10: a}", "{1: a, 1.0: b}", "{true: a, True: b}", "{1: a, '1': b}",
    "{0x1: a, '1': b}", "{1e6: a, 0.5: b, 6e3: c}", "{? [a] : b}", "{? {a: b} : c}", "{a: 1, a: 2}", "{<<: {a: 1}, b: 2}",
    "{<<: [{a: 1, b: 2}, {a: 3, c: 4}], b: 5}", "{<<: {<<: {a: 1}, b: 2}, a: 3}", "{<<: 1}", "{<<: [1]}", "{<<: {1: a}, b: c}",
    "{'<<': {a: 1}}", "{<<: {a: 1}, <<: {b: 2}}", "{<<: {0x1: a}, b: c}", "{<<: {~: a}, b: c}", "{<<: {a: 1}, 1: b}",
    "[&x 1, *x, *x]", "[*y]", "{a: &x {b: 1}, c: *x}", "{a: &x {b: 1}, c: {<<: *x, d: 2}}", "&x [*x]", "{a: &x {<<: *x}}",
    "{secure: 5}", "{secure: {a: b}}", "[{secure: 1}]", "{secure: ~}", "[]", "{}", "[[], {}, '', ~]", "'[1, 2]'", "'{\"a\": 1}'",
    "'null'", "'1'", "'true'", "'1e3'", "\"\\u0041\\n\\t\\x41\"", "\"a\\\n  b\"", "'a''b'", "|\n    a\n     b\n\n    c\n", ">\n    a\n    b\n\n    c\n",
    "|-\n    a\n    b\n", "|+\n    a\n\n", "|2\n      a\n    b\n", ">-\n    a\n      b\n    c\n", "[a, b,]", "{a, b: c}", "[a: b]", "{a: }", "{? a}", "{a:b}", "{\"a\":b}",
    "a: b", "- a\n    - b", "[a\n    b]", "'a\n    b'", "%a", "@a", "`a`", "&", "*", "!<tag:yaml.org,2002:str> 5", "!!str [a]", "!!int {a: 1}", "!!null {a: 1}", "!!float 5", "!!int '5'", "!!bool yes",
    "!!binary aGVsbG8=", "!!binary aGVs!", "!!binary /w==", "!!str", "!!null ''", "!!merge a", "{a: !!str 1, b: !!float 1}",
    "\"\\ud83d\\ude00\"", "\"\\0\"", "\"\\x7f\"", "\"\\u2028\"", "\"\\ufeff\"", "' a'", "'a '", "'\ta'", "\"\\n a\"", "\"a\\n\"", "\"\\n\\n\"", "\" \\n \"",
    r'"a\/b"', r'"a\'b"', r'"\\/ \\\' \" \\"', r"'a\/b'", r'["ä\'", "\'\'", b]', r'{"\'a": "\/"}', r'"\N\_\L\P\e\0"', r'"\u00e4\/"', r'"ä\'\q"',
    r"{&k a: 1, *k : 2}", "{!!binary aGk=: a}", "{a: !!omap [{b: 1}]}", "{a: !!set {b, c}}", "{!!merge <<: {a: 1}}", "{.nan: a}", "{1_000: a, '1000': b}",
    "# only a comment", "a # comment", "'#'", "-", "?", ":", "[,]", "{,}", "[-1, - 1]", "[a, [b, [c, [d]]]]",
]  # fmt: skip


def fragments() -> st.SearchStrategy[str]:
    """Values as they may stand behind a key."""
    scalars = st.one_of(
        st.sampled_from(WORDS),
        st.from_regex(r"[-+]?[0-9._xobe]{1,8}", fullmatch=True),
        st.from_regex(
            r"20[0-9]{2}-[0-9]{1,2}-[0-9]{1,2}([Tt ][0-9]{1,2}:[0-9]{1,2}:[0-9]{1,2}(Z|[.][0-9]{1,3})?)?",
            fullmatch=True,
        ),
        st.sampled_from(WORDS).map(lambda word: f"'{word}'"),
        st.tuples(st.sampled_from(TAGS), st.sampled_from(WORDS)).map(" ".join),
        st.text("ab0-:#'\"[]{},&*!|>%@` \t\n\\", max_size=8),
    )
    flow = st.one_of(
        st.sampled_from([word for word in WORDS if word and "," not in word]),
        st.sampled_from(["'a'", '"1"', "!!str 1"]),
    )
    maps = st.lists(st.tuples(flow, flow), max_size=4).map(
        lambda pairs: "{" + ", ".join(f"{a}: {b}" for a, b in pairs) + "}"
    )
    lists = st.lists(st.one_of(flow, maps), max_size=4).map(lambda items: "[" + ", ".join(items) + "]")
    return st.one_of(st.sampled_from(FRAGMENTS), scalars, maps, lists)


@dataclass
class EngineReader:
    """Asks ``pulumi config`` about files.

    Attributes:
        folder: a project with a stack ``read``.
        environment: leads to pulumi and its backend.
        calls: how often pulumi was run.
    """

    folder: Path
    environment: Mapping[str, str]
    calls: int = 0

    @classmethod
    def make(cls, folder: Path, environment: Mapping[str, str]) -> EngineReader:
        """A project in an empty folder, with its backend beside it."""
        (folder / "project").mkdir(parents=True)
        (folder / "backend").mkdir()
        (folder / "project" / "Pulumi.yaml").write_text("name: kamaji-equinix\nruntime: yaml\n")
        variables = {
            **environment,
            **toolchain.pulumi_environment(),
            "PULUMI_BACKEND_URL": f"file://{folder / 'backend'}",
            "PULUMI_CONFIG_PASSPHRASE": "",
            "PULUMI_SKIP_UPDATE_CHECK": "1",
        }
        reader = cls(folder / "project", variables)
        assert reader._run("stack", "init", "read").returncode == 0, "the stack is made"
        return reader

    def read(self, data: bytes) -> dict[str, Any] | str:
        """This program's values in a file, by key, as the engine hands them to it; or what the engine says against it."""
        (self.folder / "Pulumi.read.yaml").write_bytes(data)
        process = self._run("config", "--json", "--show-secrets", "--stack", "read")
        if process.returncode:
            return process.stderr.decode("utf-8", "replace") or "refused"
        values = json.loads(process.stdout)
        # `value` is what a program gets; it lacks where the value is empty.
        return {
            name.partition(":")[2]: decode(value.get("value", ""))
            for name, value in values.items()
            if name.startswith("kamaji-equinix:")
        }

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        self.calls += 1
        return subprocess.run(
            ["pulumi", *arguments, "--non-interactive", "--color", "never"],
            cwd=self.folder,
            env=dict(self.environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=120,
            check=False,
        )
