"""A device of onnxruntime compared with the CPU, in an environment made for it.

    python bench/providers.py FOLDER [--device openvino] [--package onnxruntime-openvino]
                              [--model default] [--images 200] [--environment DIR]

Prints what docs/devices.md shows.

Distributions of onnxruntime replace each other, so the one that brings the device is installed into
an environment of its own, which is kept in DIR where one is given. There ``cxr scan`` runs on the
CPU, on the device by name and with ``--device auto``; then probabilities and labels are compared
image by image. A device that is not there must be refused, and is asked for last.
"""

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
import tomllib
import venv
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
CXR = "from cxr_edge.cli.app import app; app(prog_name='cxr')"


def environment(folder: Path, package: str) -> Path:
    """Return the Python of an environment with the runtime, and that distribution in it."""
    python = folder / "bin" / "python"
    if not python.exists():
        project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
        needed = [one for one in project["dependencies"] if not one.startswith("onnxruntime")]
        venv.create(folder, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", package, *needed], check=True)
    return python


def scan(
    python: Path, images: list[Path], out: Path, device: str, model: str
) -> subprocess.CompletedProcess[str]:
    """Run one scan; the same images in the same batches."""
    words = ["scan", *images, "--out", out, "--runtime", "onnx", "--device", device]
    return subprocess.run(
        [python, "-c", CXR, *words, "--model", model, "--fresh"],
        env={**os.environ, "PYTHONPATH": str(ROOT / "toolkit")},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def read(out: Path) -> tuple[dict[str, dict[str, str]], dict[str, Any]]:
    """Return the scored rows of a report by path, and its manifest."""
    with out.open(newline="", encoding="utf-8") as file:
        rows = {row["path"]: row for row in csv.DictReader(file) if row["status"] == "ok"}
    return rows, json.loads(out.with_suffix(".run.json").read_text())


def main() -> None:
    """Print a line for each device, and fail where a label changed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="images, in it or below")
    parser.add_argument("--device", default="openvino")
    parser.add_argument("--package", default="onnxruntime-openvino", help="that brings the device")
    parser.add_argument("--absent", default="xnnpack", help="a device that it does not bring")
    parser.add_argument("--model", default="default")
    parser.add_argument("--images", type=int, default=200, help="taken evenly from all")
    parser.add_argument("--environment", type=Path, help="where it is made, or was before")
    options = parser.parse_args()
    found = sorted(path for path in options.folder.rglob("*") if path.is_file())
    images = found[:: max(1, len(found) // options.images)][: options.images]
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        python = environment(options.environment or folder / "env", options.package)
        listed = [python, "-m", "pip", "list", "--format", "freeze"]
        for line in subprocess.run(
            listed, capture_output=True, text=True, check=True
        ).stdout.split():
            if line.startswith("onnxruntime"):
                print(line)
        reference: dict[str, dict[str, str]] = {}
        changed = 0
        for device in ("cpu", options.device, "auto"):
            out = folder / f"{device}.csv"
            done = scan(python, images, out, device, options.model)
            if done.returncode not in (0, 3):
                sys.exit(done.stderr)
            rows, manifest = read(out)
            reference = reference or rows
            if rows.keys() != reference.keys():
                sys.exit(f"--device {device} scored other images")
            apart = [abs(float(rows[path]["probability"]) - float(row["probability"]))
                     for path, row in reference.items()]  # fmt: skip
            labels = sum(rows[path]["label"] != row["label"] for path, row in reference.items())
            changed += labels
            print(
                f"--device {device:9} {manifest['identity']['provider']:26} {len(rows)} images, "
                f"largest |Δp| {max(apart):.6f}, labels changed {labels}\n"
                f"{'':19}{manifest['device_why']}"
            )
        refused = scan(python, images[:1], folder / "absent.csv", options.absent, options.model)
        print(f"--device {options.absent}: exit code {refused.returncode}\n{'':19}{refused.stderr}")
    sys.exit(4 if changed or refused.returncode != 1 else 0)


if __name__ == "__main__":
    main()
