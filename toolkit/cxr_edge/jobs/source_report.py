"""A report that another command reads, and the model that it was made with."""

from pathlib import Path

from cxr_edge.errors import UsageError
from cxr_edge.models.checksums import read_checksums
from cxr_edge.models.locate import model_path, package_spec, read_spec_file
from cxr_edge.reports.append_log import CsvKind, is_started
from cxr_edge.reports.shard_folder import has_shards
from cxr_edge.spec.model_spec import ModelSpec
from cxr_edge.system.printable import cell_shown


def require_report(kind: CsvKind, report: Path) -> None:
    """Refuse a path that is no report.

    Raises
    ------
    UsageError
        It is something else.
    ReportError
        It was edited, or cannot be read.
    """
    expected = "REPORT: expected a report of cxr scan"
    if report.is_dir() and has_shards(report):
        raise UsageError(
            f"{expected}, but {report} is a folder of shards; merge them first: cxr merge {report} "
            "-o NEW.csv"
        )
    if report.exists() and not report.is_file():
        what = "a folder" if report.is_dir() else "not a regular file"
        raise UsageError(f"{expected}, but {report} is {what}")
    if not is_started(kind, report):
        raise UsageError(f"{expected}, got {report}")


def spec_of_report(
    report: Path, made_with: tuple[str, str], model: str, spec: Path | None, otherwise: str
) -> ModelSpec:
    """Return the spec of the model that a report was made with; nothing of a package is run.

    Parameters
    ----------
    report
        Path of the report.
    made_with
        Name and SHA-256 of the model, as its manifest has them.
    model
        Model that it is said to be.
    spec
        Spec that replaces the model's.
    otherwise
        End of the message where it is another: what else helps.

    Raises
    ------
    UsageError
        It is another model.
    ModelError
        It cannot be read.
    """
    name, digest = made_with
    path = model_path(model)
    if path.is_dir():
        digests = set(read_checksums(path).values())
        found = read_spec_file(spec) if spec else package_spec(path)
    else:
        from cxr_edge.models.open import open_artefact

        opened = open_artefact(model, spec=read_spec_file(spec) if spec else None)
        digests, found = {opened.sha256}, opened.spec
    if digest not in digests:
        raise UsageError(
            f"--model: {report} was made with {cell_shown(name)}@{digest[:12]}, which is not in "
            f"{path}; name its model, {otherwise}"
        )
    return found
