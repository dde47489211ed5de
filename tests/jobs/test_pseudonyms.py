"""Keys of the names."""

import dataclasses
import os
from pathlib import Path
from types import ModuleType

import pytest
from convert_jobs import KEY, convert_job
from image_folders import write_dicoms
from runs import rows

from cxr_edge.errors import UsageError
from cxr_edge.jobs.convert_job import ConvertJob
from cxr_edge.jobs.convert_run import run_convert
from cxr_edge.jobs.pseudonyms import read_or_make_key


@pytest.fixture
def images(tmp_path: Path, phantoms: ModuleType) -> Path:
    return write_dicoms(tmp_path / "films", phantoms)


@pytest.fixture
def job(images: Path, tmp_path: Path) -> ConvertJob:
    return convert_job(images, tmp_path)


def converted(mapping: Path) -> list[dict[str, str]]:
    return [row for row in rows(mapping) if row["status"] == "ok"]


def test_a_key_is_made_and_kept(job: ConvertJob, tmp_path: Path) -> None:
    """Random, of 32 bytes, for its owner alone; with it the names come again, with none other."""
    made = dataclasses.replace(job, key=tmp_path / "made")
    run_convert(made)
    assert (tmp_path / "made").stat().st_size == 32
    assert (tmp_path / "made").stat().st_mode & 0o777 == 0o600
    names = []
    for number, key in enumerate((tmp_path / "made", job.key)):
        again = dataclasses.replace(
            job, target=tmp_path / f"{number}", mapping=tmp_path / f"{number}.csv", key=key
        )
        run_convert(again)
        names.append({row["target"] for row in converted(again.mapping)})
    assert names[0] == {row["target"] for row in converted(made.mapping)}
    assert not names[0] & names[1]


@pytest.mark.parametrize("size", [15, (1 << 20) + 1])
def test_a_file_that_is_no_key_is_refused(tmp_path: Path, size: int) -> None:
    """Too few bytes are no secret, and too many are another file, or a device without an end."""
    (tmp_path / "key").write_bytes(bytes(size))
    for file in (tmp_path / "key", Path("/dev/zero")):
        with pytest.raises(UsageError, match=r"^--key: expected at (least|most) \d+ "):
            read_or_make_key(file)


def test_a_key_is_made_without_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some file systems, as of USB sticks, have none; an existing key stays there too."""

    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    key = read_or_make_key(tmp_path / "key")
    assert (tmp_path / "key").read_bytes() == key
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    monkeypatch.setattr(Path, "exists", lambda _path: False)
    assert read_or_make_key(tmp_path / "key") == key


def test_a_key_is_never_overwritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that another process made meanwhile is the key; nothing stays beside it."""
    (tmp_path / "key").write_bytes(KEY)
    (tmp_path / "half-key").write_text("somebody's")
    with monkeypatch.context() as patch:
        patch.setattr(Path, "exists", lambda _path: False)
        assert read_or_make_key(tmp_path / "key") == KEY
    assert {path.name for path in tmp_path.iterdir()} == {"key", "half-key"}
