"""The sweep over networks on a borrowed machine with a GPU, which may reach no network.

    python scripts/gpu_sweep.py DATA FOLDER --external OTHER [--python 3.12]

Packs all that ``bench/sweep.py`` needs into FOLDER: the images, those of another hospital, their
clusters by appearance, this repository's code with the ONNX file of its model, and wheels. Copy
FOLDER to the machine, which needs Python, JAX or PyTorch for its GPU, ONNX Runtime, OpenCV,
scikit-learn and Matplotlib, and run there

    FOLDER/run.sh OUT SECONDS [option of bench/sweep.py ...]

It trains for at most so many seconds, several networks at a time, and leaves in OUT the table, the
logs and the weights. The same OUT goes on where it was stopped.
"""

import argparse
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from cxr_edge.datasets.classes import Classes
from cxr_edge.datasets.csv_manifest import write_csv_manifest
from cxr_edge.datasets.labelled_image import LabelledImage
from cxr_edge.datasets.listing import find_classes, list_training_images
from cxr_edge.errors import CxrError

ROOT = Path(__file__).parent.parent
WHEELS = ("keras", "namex", "optree", "pydicom", "simplejpeg", "platformdirs", "typer", "rich")
"""Distributions that a machine for PyTorch or JAX lacks, or has in another version."""

LEFT_OUT = ("__pycache__", "*.int8.onnx", "*.tflite", "*.keras", "*.zip")
"""Files of the code that no run needs; the float ONNX file can be its teacher."""

RUN = """#!/bin/bash
# run.sh OUT SECONDS [option of bench/sweep.py ...]: the sweep, with KERAS_BACKEND (jax) on the GPU
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
out=$1 seconds=$2 jobs=$((($(nproc) * 3 + 3) / 4))
shift 2
site=$here/site
if [ ! -d "$site" ]; then
    python3 -m pip install -q --no-index --no-deps --target "$site" "$here"/wheels/*.whl
    printf '#!/bin/sh\\nexec python3 -m cxr_edge "$@"\\n' > "$site/bin/cxr"
    chmod +x "$site/bin/cxr"
fi
export PATH=$site/bin:$PATH PYTHONPATH=$site:$here/toolkit:$here/export
export KERAS_BACKEND=${KERAS_BACKEND:-jax} OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
export XLA_PYTHON_CLIENT_PREALLOCATE=false JAX_COMPILATION_CACHE_DIR=$here/compiled
timeout "$seconds" python3 "$here/bench/sweep.py" "$here/images/manifest.csv" --out "$out" \\
    --external "$here/external/manifest.csv" --styles "$here/styles/styles.csv" \\
    --jobs $jobs --workers 1 "$@"
"""


def copy_images(images: Sequence[LabelledImage], classes: Classes, folder: Path) -> None:
    """Copy images to a folder and write their manifest."""
    folder.mkdir()
    copies = []
    for number, image in enumerate(images):
        copy = folder / f"{number}{image.path.suffix}"
        shutil.copyfile(image.path, copy)
        copies.append(replace(image, path=copy, split=""))  # each run splits by style
    write_csv_manifest(folder / "manifest.csv", copies, classes)


def main() -> None:
    """Pack the folder and say how large it is."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="labelled images")
    parser.add_argument("folder", type=Path, help="folder to pack, created")
    parser.add_argument("--external", type=Path, required=True, help="those of another hospital")
    parser.add_argument("--python", default="3.12", help="version of Python of that machine")
    options = parser.parse_args()
    folder: Path = options.folder
    if folder.exists():
        parser.error(f"expected a new folder, {folder} exists; name another one or delete it")
    sets = {}
    try:
        for name, data in (("images", options.data), ("external", options.external)):
            classes = find_classes(data)
            sets[name] = list_training_images(data, classes), classes
    except CxrError as exc:
        parser.error(str(exc))
    folder.mkdir(parents=True)
    for name, (images, classes) in sets.items():
        copy_images(images, classes, folder / name)
    cxr = Path(sys.executable).with_name("cxr")
    manifest = folder / "images" / "manifest.csv"
    subprocess.run([cxr, "audit", manifest, "--styles", folder / "styles"], check=True)
    without = shutil.ignore_patterns(*LEFT_OUT)
    for name in ("toolkit", "export", "bench"):
        shutil.copytree(ROOT / name, folder / name, ignore=without)
    constraints = ["--constraint", ROOT / "constraints.txt"]
    target = ["--only-binary=:all:", "--python-version", options.python]
    platforms = [f"--platform=manylinux_2_{minor}_x86_64" for minor in (17, 24, 27, 28)]
    download = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", *constraints]
    subprocess.run([*download, *target, *platforms, "-d", folder / "wheels", *WHEELS], check=True)
    run = folder / "run.sh"
    run.write_text(RUN)
    run.chmod(0o755)
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    print(f"{folder}: {size / 2**20:.0f} MiB; on the machine with a GPU: {run.name} OUT SECONDS")


if __name__ == "__main__":
    main()
