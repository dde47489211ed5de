"""The folder for output at a place that a user names."""

import os
from pathlib import Path

from cxr_edge.errors import UsageError
from cxr_edge.storage.archive_kind import is_archive
from cxr_edge.storage.local_output import LocalOutput
from cxr_edge.storage.output_folder import OutputFolder
from cxr_edge.storage.place import storage_of, without_file_scheme
from cxr_edge.storage.schemes import S3


def output_at(option: str, place: str) -> OutputFolder:
    """Return the folder at a place; it need not be there.

    Parameters
    ----------
    option
        Option or argument that names the place, for messages.
    place
        Path of a folder, or its address in a bucket of S3: other storages replace what another
        process put there a moment ago.

    Raises
    ------
    UsageError
        It is no place for files.
    """
    if not place.strip() or "\0" in place or place == "-":
        raise UsageError(f"{option}: expected a folder, got {place!r:.100}; give its path")
    if is_archive(place) and not os.path.isdir(place):  # noqa: PTH112  (names of any length)
        raise UsageError(
            f"{option}: expected a folder, got the name of an archive, {place}; choose another name"
        )
    storage = storage_of(place)  # refuses addresses with credentials
    if place.startswith(f"{S3}://"):
        from cxr_edge.storage.s3_output import S3Output

        return S3Output(storage.absolute(place))
    if not storage.is_local:
        raise UsageError(
            f"{option}: expected a folder of this machine or {S3}://BUCKET/FOLDER, got {place}"
        )
    return LocalOutput(Path(without_file_scheme(place)))
