"""Names of files and folders that systems make for themselves."""

from pathlib import Path

import pytest

from cxr_edge.storage.system_names import is_system, names_in


@pytest.mark.parametrize(
    "name",
    ["@eaDir", "#recycle", "$RECYCLE.BIN", "$Recycle.Bin", "__MACOSX", "Thumbs.db",
     "System Volume Information", "lost+found", "@Recycle"],
)  # fmt: skip
def test_names_of_systems_are_known_in_any_case(name: str) -> None:
    """Windows and NAS write the same name in several ways."""
    assert is_system(name)
    assert is_system(name.upper())


@pytest.mark.parametrize("name", ["eaDir", "recycle.png", "Thumbs.db.png", "MACOSX", "@home", ""])
def test_names_of_people_are_not_taken_for_them(name: str) -> None:
    """Only the whole name counts."""
    assert not is_system(name)


def test_a_folder_with_such_names_alone_is_empty(tmp_path: Path) -> None:
    """A folder that a NAS or a Mac has looked at is still new."""
    (tmp_path / "@eaDir").mkdir()
    (tmp_path / ".DS_Store").touch()
    assert names_in(tmp_path) == []
    (tmp_path / "b.png").touch()
    (tmp_path / "a").mkdir()
    assert names_in(tmp_path) == ["a", "b.png"]
