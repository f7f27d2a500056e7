"""The files of a build folder, which one build may read while another prepares it."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from toolchain.files import copy_folder, write


def pins(folder: Path, text: str) -> Path:
    (folder / "kamaji" / "api").mkdir(parents=True, exist_ok=True)
    (folder / "go.mod").write_text(f"module example.com/{text}\n" + "// more\n" * 5000)
    (folder / "kamaji" / "api" / "types.go").write_text("package api\n")
    return folder


def test_a_folder_is_copied_with_all_below_and_what_else_is_there_stays(tmp_path: Path) -> None:
    source, target = pins(tmp_path / "pins", "a"), tmp_path / "work"
    target.mkdir()
    (target / "other.txt").write_text("stays")
    copy_folder(source, target)
    for name in ("go.mod", "kamaji/api/types.go"):
        assert (target / name).read_bytes() == (source / name).read_bytes(), f"{name} is copied"
    assert (target / "other.txt").read_text() == "stays", "a build folder holds what upstream generates, too"
    assert sorted(path.name for path in target.iterdir()) == ["go.mod", "kamaji", "other.txt"], "no file is left over"


def test_a_file_that_is_the_same_is_not_touched(tmp_path: Path) -> None:
    source, target = pins(tmp_path / "pins", "a"), tmp_path / "work"
    copy_folder(source, target)
    before = (target / "go.mod").stat()
    copy_folder(source, target)
    after = (target / "go.mod").stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns), "go would take it for changed"


def test_who_reads_a_file_while_it_is_written_finds_the_old_or_the_new_one(tmp_path: Path) -> None:
    sources = [pins(tmp_path / text, text) for text in ("a", "b")]
    whole = {(source / "go.mod").read_text() for source in sources}
    target = tmp_path / "work"
    copy_folder(sources[0], target)
    end, broken = threading.Event(), []

    def read() -> None:
        while not end.is_set():
            text = (target / "go.mod").read_text()
            if text not in whole:
                broken.append(text)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for turn in range(300):
            copy_folder(sources[turn % 2], target)
    finally:
        end.set()
        reader.join()
    assert broken == [], "go would say: missing module declaration"


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "go.mod"
    path.write_text("old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space"):
        write(path, b"new")
    assert path.read_text() == "old", "whole"
    assert list(tmp_path.iterdir()) == [path], "no part of the new one"
