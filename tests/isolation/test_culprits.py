"""Files that end a process are found among those that do not."""

from pathlib import Path

import pytest
from fakes import crash, hang

from cxr_edge.isolation.culprits import culprits
from cxr_edge.isolation.heartbeat import InFlightTable, key
from cxr_edge.storage.local import LOCAL


def end_or_not(data: bytes) -> None:
    """Crash or hang on files that say so."""
    {b"crash": crash, b"hang": hang}.get(data, len)(data)


@pytest.mark.slow
def test_files_that_crash_or_hang_are_found(tmp_path: Path) -> None:
    """However many they are, and wherever they stand."""
    table = InFlightTable()
    table.limit(0.5, 0)
    words = ["crash", "good", "good", "hang", "good", "crash"]
    files = [(str(tmp_path / str(place)), LOCAL) for place in range(len(words))]
    for (where, _), word in zip(files, words, strict=True):
        Path(where).write_text(word)
    assert culprits(files, end_or_not, table) == {key(files[place][0]) for place in (0, 3, 5)}
    assert not culprits(files[1:3], end_or_not, table)
