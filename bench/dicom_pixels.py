"""Stored values of compressed DICOM frames against those that pylibjpeg's plugins give.

    pip install pylibjpeg-libjpeg pylibjpeg-openjpeg
    python bench/dicom_pixels.py FOLDER

Prints a table of docs/dicom-files.md: for each transfer syntax how many files both decode, in how
many of them every value is equal, and the largest difference. The first plugin is under the GPL 3:
install it for this measurement alone.
"""

import argparse
import warnings
from collections import defaultdict
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from pydicom.encaps import generate_frames

from cxr_edge.errors import ImageError
from cxr_edge.imaging.dicom.codecs import decode_frame
from cxr_edge.imaging.dicom.codestream import Coding, check_codestream, repaired
from cxr_edge.imaging.dicom.dataset import parse
from cxr_edge.imaging.dicom.errors import DAMAGE
from cxr_edge.imaging.dicom.layout import layout_of
from cxr_edge.imaging.dicom.transfer_syntaxes import COMPRESSED
from cxr_edge.pipeline.discover import discover

PLUGINS = ("libjpeg", "openjpeg")


def difference(data: bytes) -> tuple[str, int] | None:
    """Return a file's transfer syntax and the largest difference; None where one refuses it."""
    import libjpeg
    import openjpeg

    try:
        dataset, syntax = parse(data)
        if syntax not in COMPRESSED:
            return None
        layout = layout_of(dataset)
        frame = next(generate_frames(dataset.PixelData, number_of_frames=layout.frames))
        found = check_codestream(frame, layout.size)
        frame = repaired(frame)
        ours = decode_frame(frame, found)
        is_j2k = found.coding is Coding.JPEG_2000
        theirs = openjpeg.decode(frame) if is_j2k else libjpeg.decode(frame)
    except (ImageError, EOFError, *DAMAGE):
        return None
    return syntax.keyword, int(np.abs(ours.astype(np.int64) - theirs.reshape(ours.shape)).max())


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    options = parser.parse_args()
    if missing := [name for name in PLUGINS if find_spec(name) is None]:
        parser.error(
            f"expected the decoders to compare with, got no {' and no '.join(missing)}; "
            f"pip install {' '.join(f'pylibjpeg-{name}' for name in PLUGINS)}"
        )
    warnings.simplefilter("ignore")
    found: defaultdict[str, list[int]] = defaultdict(list)
    for item in discover([options.folder]):
        if compared := difference(item.file.read_bytes()):
            found[compared[0]].append(compared[1])
    print("| transfer syntax | files | equal | largest difference |\n| --- | --- | --- | --- |")
    for syntax, steps in sorted(found.items()):
        print(f"| {syntax} | {len(steps)} | {steps.count(0)} | {max(steps)} |")


if __name__ == "__main__":
    main()
