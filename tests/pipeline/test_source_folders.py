"""The folders of the files in hand, and whether they are still there."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest
from fake_storage import FakeStorage

from cxr_edge.errors import ReportError
from cxr_edge.pipeline.discover import ImageItem, discover
from cxr_edge.pipeline.outcome import Failure
from cxr_edge.pipeline.source_folders import SourceFolders


@dataclass
class Remounted(FakeStorage):
    """Files of which some folders are on another disk than before."""

    others: set[str] = field(default_factory=set)

    def identity(self, folder: str) -> str:
        return f"{folder} on {folder.rstrip('/') in self.others}"


def failures(items: list[ImageItem], reason: str) -> list[Failure]:
    return [Failure(item.path, "", reason, "", file=item.where) for item in items]


@pytest.fixture
def storage() -> Remounted:
    return Remounted({f"mem/{name}.png": b"" for name in ("a/x", "a/y", "b/c/x", "b/c/y")})


@pytest.mark.parametrize("gone", ["mem", "mem/b", "mem/b/c"])
def test_a_disk_that_went_is_told(gone: str, storage: Remounted) -> None:
    """The files of a disk, at the PATH or below it, are no failed rows once it is gone."""
    folders = SourceFolders()
    items = list(folders.passing(discover(["mem"], storage=storage)))
    storage.others.add(gone)
    with pytest.raises(ReportError, match=rf"^{gone} is no longer available"):
        folders.check(failures(items, "unreadable"))


def test_files_elsewhere_fail_by_themselves(storage: Remounted) -> None:
    """The folder of each file is looked at, in the order in which they passed."""
    folders = SourceFolders()
    items = list(folders.passing(discover(["mem"], storage=storage)))
    storage.others.add("mem/b")
    folders.check(failures(items[:1], "unreadable"))
    folders.check(failures(items[1:2], "timeout"))
    with pytest.raises(ReportError, match="mem/b is no longer available"):
        folders.check(failures(items[2:], "timeout"))


def test_only_suspicious_failures_cost_a_look(storage: Remounted) -> None:
    """A damaged file says nothing about the disk."""
    folders = SourceFolders()
    items = list(folders.passing(discover(["mem"], storage=storage)))
    storage.others.add("mem")
    folders.check([object(), *failures(items[1:], "corrupt")])


def test_a_file_named_as_path_may_go(tmp_path: Path) -> None:
    """Its own row says that it cannot be read."""
    file = tmp_path / "ward" / "film.png"
    file.parent.mkdir()
    file.touch()
    folders = SourceFolders()
    items = list(folders.passing(discover([file])))
    file.parent.rename(tmp_path / "away")
    folders.check(failures(items, "unreadable"))
