"""A scan of a folder with a disk mounted below it, which is taken out meanwhile.

Started in a mount namespace of its own: ``python nested_mount.py FOLDER NAMES TAKE_OUT_AFTER``.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from fakes import FakeRuntime
from runs import FakeSink, rows, session_of

from cxr_edge.errors import CxrError
from cxr_edge.jobs.scan_job import ScanJob
from cxr_edge.jobs.scan_run import run_scan
from cxr_edge.models.model import Model
from cxr_edge.spec.input_spec import InputSpec
from cxr_edge.spec.model_spec import ModelSpec
from cxr_edge.spec.operating_point import OperatingPoint

COUNT = 60
"""Images in each of three folders; more than a scan has in hand."""

SPEC = ModelSpec(
    "fake", ("NORMAL", "PNEUMONIA"), InputSpec(32, 32), (OperatingPoint("only", 0.5),), "only"
)


def fill(folder: Path, name: str) -> None:
    image = np.add.outer(np.arange(40), np.arange(40)).astype(np.uint8)
    data = cv2.imencode(".png", image)[1].tobytes()
    folder.mkdir(exist_ok=True)
    for number in range(COUNT):
        (folder / name.format(number)).write_bytes(data)


def main(place: Path, name: str, after: int) -> None:
    """Scan while the disk goes, without it, and once it is back; print the results as JSON."""
    root, report = place / "films", place / "report.csv"
    disk = root / "b"
    disk.mkdir(parents=True)
    for folder in (root / "a", root / "c"):
        fill(folder, name)

    def mount() -> None:
        subprocess.run(["mount", "-t", "tmpfs", "films", disk], check=True)  # noqa: S607
        fill(disk, name)

    def take_out(outcomes: Sequence[object]) -> None:
        nonlocal seen
        if seen < after <= seen + len(outcomes):
            subprocess.run(["umount", "-l", disk], check=True)  # noqa: S607
        seen += len(outcomes)

    def scan() -> dict[str, object]:
        model = Model("ab" * 32, "onnx", FakeRuntime(SPEC))
        job = ScanJob([root], report, session_of(model, workers=1))
        try:
            code = run_scan(job, [FakeSink(write=take_out)]).exit_code
        except CxrError as exc:
            error, code = str(exc), int(exc.exit_code)
        else:
            error = ""
        found = rows(report)
        failed = sum(row["status"] == "failed" for row in found)
        return {"code": code, "error": error, "rows": len(found), "failed": failed}

    seen = 0
    mount()
    first = scan()
    too_early = scan()
    mount()
    sys.stdout.write(json.dumps([first, too_early, scan()]))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
