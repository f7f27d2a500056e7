"""Files of stacks that readers of YAML disagree about, and the comparison of two readers."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as hypothesis_seed
from kamaji_equinix.components.settings.stack_file import StackFileError, sections

from tests.support.engine_reading import FRAGMENTS, WORDS, EngineReader, fragments

_BOMB = "\n".join(f"  aws:k{n}: &b{n} [" + ", ".join([f"*b{n - 1}"] * 9) + "]" for n in range(1, 10))
_PREFIX = "config:\n  kamaji-equinix:"

WHOLE_FILES: dict[str, bytes] = {
    "empty": b"",
    "only a comment": b"# nothing\n",
    "null": b"~",
    "a list": b"[1]",
    "text": b"a",
    "no config": b"secretsprovider: passphrase\n",
    "config that is empty": b"config:\n",
    "config that is a list": b"config: []\n",
    "config that is text": b"config: a\n",
    "a key without namespace": b"config:\n  k: {a: no}\n",
    "a key of three parts": b"config:\n  kamaji-equinix:config:k: {a: yes}\n",
    "a key of other three parts": b"config:\n  kamaji-equinix:a:k: 1\n",
    "a key that is a number": b"config:\n  1: a\n",
    "a key that is no text, above": b"1: a\nconfig:\n  k: b\n",
    "a key twice": (_PREFIX + "k: 1\n  kamaji-equinix:k: 2\n").encode(),
    "a key twice, quoted once": (_PREFIX + "k: 1\n  'kamaji-equinix:k': 2\n").encode(),
    "a key twice in another namespace": b"config:\n  aws:k: {a: 1, a: 2}\n  kamaji-equinix:k: 1\n",
    "a second document": (_PREFIX + "k: 1\n---\nconfig:\n  kamaji-equinix:k: 2\n").encode(),
    "a second document that is no YAML": (_PREFIX + "k: 1\n---\n[\n").encode(),
    "a first document that is empty": ("---\n---\n" + _PREFIX + "k: 1\n").encode(),
    "a document's end": (_PREFIX + "k: 1\n...\nrubbish: [\n").encode(),
    "a directive": ("%YAML 1.1\n---\n" + _PREFIX + "k: {a: no}\n").encode(),
    "a directive of 1.2": ("%YAML 1.2\n---\n" + _PREFIX + "k: {a: 0o7}\n").encode(),
    "a byte order mark": b"\xef\xbb\xbf" + (_PREFIX + "k: 1\n").encode(),
    "two byte order marks": b"\xef\xbb\xbf" * 2 + (_PREFIX + "k: 1\n").encode(),
    "UTF-16": (_PREFIX + "k: \u00e4\n").encode("utf-16"),
    "Latin 1": (_PREFIX + "k: \u00e4\n").encode("latin-1"),
    "a NUL": (_PREFIX + "k: a\x00b\n").encode(),
    "a control character": (_PREFIX + "k: a\x07b\n").encode(),
    "lines that end with CRLF": (_PREFIX + "k: {a: |\n    }\n").replace("\n", "\r\n").encode(),
    "blocks that end with CRLF": (_PREFIX + "k:\n    a: |\n      b\n      c\n    d: on\n")
    .replace("\n", "\r\n")
    .encode(),
    "lines that end with CR": (_PREFIX + "k: 1\n").replace("\n", "\r").encode(),
    "indented by tabs": b"config:\n\tkamaji-equinix:k: 1\n",
    "a tab before a value": (_PREFIX + "k:\t1\n").encode(),
    "a tab before a comment": (_PREFIX + "k: 1\t# a\n").encode(),
    "aliases between keys": (
        _PREFIX + "k: &x {a: 1}\n  kamaji-equinix:m: *x\n  kamaji-equinix:n: {<<: *x, b: 2}\n"
    ).encode(),
    "an alias of another namespace": b"config:\n  aws:k: &x {a: no}\n  kamaji-equinix:k: *x\n",
    "an alias before its anchor": (_PREFIX + "k: *x\n  kamaji-equinix:m: &x 1\n").encode(),
    "an alias bomb": f"config:\n  aws:k0: &b0 [a, a, a, a, a, a, a, a, a]\n{_BOMB}\n".encode(),
    "a value that contains itself": (_PREFIX + "k: &x {a: *x}\n").encode(),
    "a merge of all of config": b"a: &x\n  kamaji-equinix:k: 1\nconfig:\n  <<: *x\n",
    "an empty value": (_PREFIX + "k:\n").encode(),
    "a map that looks encrypted": (_PREFIX + "k: {a: {secure: 1}}\n").encode(),
    "text in JSON": (_PREFIX + "k: '{\"a\": [1, 2.0, null]}'\n").encode(),
    "salt that is a list": b"encryptionsalt: [1]\nconfig:\n  kamaji-equinix:k: 1\n",
    "an unclosed bracket": (_PREFIX + "k: [1\n").encode(),
    "deep": (_PREFIX + "k: " + "[" * 60 + "]" * 60 + "\n").encode(),
}


def generate(count: int, seed: int) -> list[str]:
    """Values as they may stand behind a key: all that are written down, and as many that are made up."""
    pieces = [*FRAGMENTS, *WORDS]

    @hypothesis_seed(seed)
    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )
    @given(fragments())
    def collect(fragment: str) -> None:
        pieces.append(fragment)

    collect()
    return list(dict.fromkeys(pieces))


def read_here(data: bytes) -> dict[str, Any] | str:
    """This program's reading of a file; what it says against it."""
    try:
        return sections(data)[0]
    except StackFileError as error:
        return str(error)


class Comparison:
    """Compares the program's reading with the engine's.

    Attributes:
        counts: ``values`` that were equal, files that both ``refused``.
    """

    def __init__(self, engine: EngineReader) -> None:
        """Compare with ``engine``."""
        self.engine = engine
        self.counts: Counter[str] = Counter()

    def compare(self, values: Sequence[str], *, refusals: int) -> None:
        """Assert that both read the same values; ``refusals``: how many of those that we refuse are tried one by one."""
        good = [value for value in values if isinstance(read_here(self._file([value])), dict)]
        bad = [value for value in values if isinstance(read_here(self._file([value])), str)]
        for begin in range(0, len(good), 60):
            self._compare_batch(good[begin : begin + 60])
        for value in bad[:: max(1, len(bad) // refusals)]:
            self.compare_file(self._file([value]))

    def compare_file(self, data: bytes) -> None:
        """Assert that both read a file to the same values, or both refuse it."""
        program, engine = read_here(data), self.engine.read(data)
        if isinstance(engine, str) or isinstance(program, str):
            assert isinstance(program, str), f"the engine refuses {data[:200]!r}: {engine}"
            assert isinstance(engine, str), f"we refuse what the engine takes, {data[:200]!r}: {program}"
            self.counts["refused"] += 1
            return
        for key in program.keys() | engine.keys():
            assert alike(program.get(key, "missing"), engine.get(key, "missing")), (
                f"{data[:200]!r}: we read {program.get(key)!r}, the engine {engine.get(key)!r}"
            )
            self.counts["values"] += 1

    def _compare_batch(self, values: Sequence[str]) -> None:
        whole = self._file(values)
        if isinstance(self.engine.read(whole), dict) and isinstance(read_here(whole), dict):
            self.compare_file(whole)
        elif len(values) == 1:
            self.compare_file(self._file(values))
        else:
            middle = len(values) // 2
            self._compare_batch(values[:middle])
            self._compare_batch(values[middle:])

    @staticmethod
    def _file(values: Sequence[str]) -> bytes:
        lines = [f"  kamaji-equinix:k{index}: {value}\n" for index, value in enumerate(values)]
        return ("config:\n" + "".join(lines)).encode("utf-8", "surrogatepass")


def alike(value: Any, other: Any) -> bool:
    """Whether two values are equal, of equal types; the order of a map's keys is nothing."""
    return json.dumps(value, sort_keys=True) == json.dumps(other, sort_keys=True)
