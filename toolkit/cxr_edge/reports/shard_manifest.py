"""The run manifest of a folder of shards: ``run.json`` in it."""

from dataclasses import dataclass, field, fields
from typing import Self

from cxr_edge.errors import ReportError
from cxr_edge.reports.run_manifest import RunManifest
from cxr_edge.reports.shard_folder import RUN
from cxr_edge.storage.output_folder import OutputFolder


@dataclass
class ShardList:
    """The shards that are written, in the order of their numbers."""

    size: int
    """Files of a shard; the last one may have fewer."""
    format: str
    """Format, of :class:`cxr_edge.reports.shard_rows.ShardFormat`."""
    count: int = 0
    """Number of shards."""
    first: str | None = None
    """Name of the first shard; None where there is none."""
    last: str | None = None
    """Name of the last shard."""

    def add(self, name: str) -> None:
        """Count the next shard."""
        self.count += 1
        self.first = self.first or name
        self.last = name


@dataclass(frozen=True, kw_only=True)
class ShardManifest(RunManifest):
    """Record of one scan into shards.

    ``digest`` has the shards as lines, each the name of a shard and the SHA-256 of its bytes, so
    its ``rows`` are shards.
    """

    shards: ShardList = field(default_factory=lambda: ShardList(0, ""))
    """The shards."""

    @classmethod
    def of(cls, record: RunManifest, shards: ShardList) -> Self:
        """Return the manifest of a run into shards, from that of a scan."""
        known = {one.name: getattr(record, one.name) for one in fields(record)}
        return cls(**known, shards=shards)

    @property
    def encoded(self) -> bytes:
        """The bytes of the file."""
        return self.text.encode(errors="surrogateescape")

    def begin(self, folder: OutputFolder) -> bool:
        """Write the manifest of a new folder; return False where another run has begun meanwhile.

        Raises
        ------
        ReportError
            It cannot be written.
        """
        try:
            return folder.add(RUN, self.encoded)
        except OSError as exc:
            raise unwritable(folder, exc) from exc

    def put(self, folder: OutputFolder) -> None:
        """Write the manifest into its folder.

        Raises
        ------
        ReportError
            It cannot be written.
        """
        try:
            folder.replace(RUN, self.encoded)
        except OSError as exc:
            raise unwritable(folder, exc) from exc


def unwritable(folder: OutputFolder, exc: OSError) -> ReportError:
    """Return the error of a folder that takes no more."""
    return ReportError(
        f"{folder.place} cannot be written: {exc.strerror or exc}; make room and run the same "
        "command again"
    )


def shard_line(name: str, sha256: str) -> bytes:
    """Return the line of a shard in the digest; that of the header is of no shard."""
    return f"{name} {sha256}\n".encode()
