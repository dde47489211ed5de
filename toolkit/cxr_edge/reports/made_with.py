"""The model and the threshold that a report was made with, as its manifest tells."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cxr_edge.errors import ReportError
from cxr_edge.reports.append_log import CsvKind
from cxr_edge.reports.manifest import manifest_path
from cxr_edge.reports.recorded import RESTORE, Recorded
from cxr_edge.system.ranges import SHARE

_DIGEST: Final = re.compile(r"[0-9a-f]{1,64}")


@dataclass(frozen=True)
class MadeWith:
    """The model and the threshold that made the rows of a report."""

    model: str
    """Name of the model."""
    model_sha256: str
    """SHA-256 of the artefact."""
    labels: tuple[str, str]
    """Negative and positive label."""
    threshold: float
    """Threshold that makes the label."""
    operating_point: str
    """Name of the threshold."""

    @classmethod
    def of(cls, kind: CsvKind, report: Path, recorded: Recorded) -> "MadeWith":
        """Read them from the manifest of a report.

        Raises
        ------
        ReportError
            They are not there, or not as a scan writes them.
        """
        match {**recorded.fields, **recorded.identity}:
            case {
                "model": str(model),
                "model_sha256": str(digest),
                "labels": [str(negative), str(positive)],
                "threshold": threshold,
                "operating_point": str(name),
            } if (
                threshold in SHARE
                and _DIGEST.fullmatch(digest)
                and _is_text(model, negative, positive, name)
            ):
                return cls(model, digest, (negative, positive), threshold, name)
        raise damaged(kind, manifest_path(report))


def damaged(kind: CsvKind, manifest: Path | str) -> ReportError:
    """Return the error of a manifest whose settings are not those of a scan."""
    why = "is damaged: its identity is not that of a scan"
    return kind.refused(manifest, why, RESTORE)


def _is_text(*texts: str) -> bool:
    """Tell whether texts can be written: JSON may hold half a character."""
    return all(text.encode(errors="ignore").decode() == text for text in texts)
