"""A scan: files, report and session."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from cxr_edge.errors import UsageError
from cxr_edge.isolation.heartbeat import InFlightTable
from cxr_edge.jobs.session import ScanConfig, Session
from cxr_edge.pipeline.roots import resolve_roots
from cxr_edge.pipeline.sources import Sources
from cxr_edge.reports.check_place import check_folder, check_place
from cxr_edge.reports.csv_report import REPORT
from cxr_edge.reports.manifest import manifest_path
from cxr_edge.reports.run_manifest import preferred_by
from cxr_edge.storage.lock import lock_path

if TYPE_CHECKING:
    from cxr_edge.jobs.failure_limit import FailureLimit
    from cxr_edge.jobs.scan_engine import Cluster
    from cxr_edge.reports.heat_maps import HeatMapFolder


@dataclass(frozen=True)
class ScanJob:
    """One scan into one report."""

    paths: Sequence[str | Path]
    """Files and folders to scan. Text, where they are not of this machine."""
    out: Path
    """Path of the report."""
    session: Session
    """Model and settings."""
    fresh: bool = False
    """Whether an existing report is set aside."""
    add_new: bool = False
    """Whether files that an existing report lacks are scanned, wherever they stand."""
    retry_failed: bool = False
    """Whether files that failed in an existing report are scanned again."""
    max_failures: "FailureLimit | None" = None
    """Limit on failed files, beyond which the scan stops."""
    quarantine: Path | None = None
    """Folder for copies of the files that fail."""
    page: Path | None = None
    """HTML page that is made of the report, for its path alone: it is none of the files to scan."""
    tables: Sequence[Path] = ()
    """Tables that are made of the report, likewise."""
    heat_maps: "HeatMapFolder | None" = None
    """Folder of heat maps, and which images get one."""
    cluster: "Cluster | None" = None
    """Cluster that scans; None for this machine."""
    in_flight: InFlightTable = field(default_factory=InFlightTable)
    """Table that the supervisor reads."""

    @classmethod
    def open(
        cls,
        config: ScanConfig,
        paths: Sequence[str | Path],
        out: Path,
        *,
        fresh: bool = False,
        add_new: bool = False,
        retry_failed: bool = False,
        max_failures: "FailureLimit | None" = None,
        quarantine: Path | None = None,
        page: Path | None = None,
        tables: Sequence[Path] = (),
        heat_maps: Path | None = None,
        heat_maps_for: str = "positives",
        cluster: "Cluster | None" = None,
        in_flight: InFlightTable | None = None,
    ) -> "ScanJob":
        """Check the places, and open a session; one that goes with a report to be continued.

        Parameters
        ----------
        config
            Settings.
        paths, out, fresh, add_new, retry_failed, max_failures, quarantine, page, tables, cluster,
        in_flight
            As the fields.
        heat_maps
            Folder for heat maps.
        heat_maps_for
            Images that get one, as :meth:`cxr_edge.reports.heat_maps.Wanted.parse` reads them.

        Raises
        ------
        UsageError
            A path, a place or a setting cannot work.
        ModelError, SelfTestFailed
            As :meth:`cxr_edge.jobs.session.Session.open`.
        """
        if fresh + add_new + retry_failed > 1:
            raise UsageError("--fresh, --add-new and --retry-failed exclude each other; give one")
        resolve_roots(paths)
        if quarantine:
            from cxr_edge.reports.quarantine import check_quarantine

            check_quarantine(quarantine, paths, out)
        if heat_maps:
            from cxr_edge.reports.heat_maps import HeatMapFolder, Wanted

            wanted = Wanted.parse(heat_maps_for)
            check_folder("--heatmaps", heat_maps, paths, out, "pictures")
            config = replace(config, maps=True)
        if cluster:
            config = cluster.settled(config)
        check_place(REPORT, out)  # before a model is loaded, which takes longer
        table = in_flight or InFlightTable()
        new = fresh and not table.started
        preferred = None if new else preferred_by(out, same_command=table.started)
        session = Session.open(config, preferred, chosen=True)
        folder = None
        if heat_maps:
            folder = HeatMapFolder(heat_maps, session.model, session.decision, wanted)
        return cls(
            paths,
            out,
            session,
            fresh=fresh,
            add_new=add_new,
            retry_failed=retry_failed,
            max_failures=max_failures,
            quarantine=quarantine,
            page=page,
            tables=tables,
            heat_maps=folder,
            cluster=cluster,
            in_flight=table,
        )

    @property
    def sources(self) -> Sources:
        """Files to scan, without our own."""
        own = [self.out, manifest_path(self.out), lock_path(self.out)]
        return Sources(self.paths, [*own, *self.tables, *([self.page] if self.page else [])])
