"""A conversion: source, folder of images, mapping and format."""

from dataclasses import dataclass, field
from pathlib import Path

from cxr_edge.errors import UsageError
from cxr_edge.imaging.encode import Encoding
from cxr_edge.isolation.heartbeat import InFlightTable
from cxr_edge.jobs.convert_mapping import MAPPING
from cxr_edge.pipeline.sources import Sources
from cxr_edge.reports.check_place import check_place
from cxr_edge.reports.manifest import manifest_path
from cxr_edge.storage.lock import lock_path
from cxr_edge.system.cpu import usable_cpus


@dataclass(frozen=True)
class ConvertJob:
    """One conversion into one folder."""

    source: str | Path
    """File, or folder with everything below it."""
    target: Path
    """Folder of the images."""
    mapping: Path
    """Path of the CSV file that links the two."""
    key: Path | None
    """File with the key of the pseudonyms; None keeps the original names."""
    encoding: Encoding = field(default_factory=Encoding)
    """Format of the images."""
    workers: int = field(default_factory=usable_cpus)
    """Files processed in parallel."""
    in_flight: InFlightTable = field(default_factory=InFlightTable)
    """Table that the supervisor reads."""

    @property
    def sources(self) -> Sources:
        """Files to convert, without our own."""
        return Sources([self.source], [*self._own, lock_path(self.mapping)])

    @property
    def _own(self) -> list[Path]:
        return [self.mapping, manifest_path(self.mapping), *([self.key] if self.key else [])]

    def check(self) -> None:
        """Check that this can be done, before anything is.

        Raises
        ------
        UsageError
            A place is wrong.
        """
        where = self.target if self.target.exists() else self.target.parent
        if not where.is_dir():
            kind = "is not a folder" if where.exists() else "does not exist"
            raise UsageError(
                f"DST: expected a folder, or a new one in a folder, but {where} {kind}"
            )
        check_place(MAPPING, self.mapping)
        source, target = Path(self.source).resolve(), self.target.resolve()
        if target == source or target in source.parents or source in target.parents:
            raise UsageError(
                f"SRC and DST must not be inside each other, got {source} and {target}; choose "
                "another DST"
            )
        if len({path.resolve() for path in self._own}) < len(self._own):
            raise UsageError(
                f"--key: expected another file than the mapping {self.mapping} and its run "
                f"manifest, got {self.key}"
            )
        for path in self._own:
            if target in path.resolve().parents:
                raise UsageError(
                    f"{path.name} must be outside of DST, so that DST can be handed on without it"
                )
