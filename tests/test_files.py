"""Files that are there whole or not at all."""

from pathlib import Path

import pytest

from cxr_edge.files import whole, write_whole


def test_a_failed_write_leaves_what_was_there(tmp_path: Path) -> None:
    """The old file as it was, and nothing beside it."""
    path = tmp_path / "a.txt"
    write_whole(path, "old", durable=True)

    def fail() -> None:
        with whole(path) as half:
            half.write_text("ne")
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        fail()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
