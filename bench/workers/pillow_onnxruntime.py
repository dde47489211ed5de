"""The loop that anyone would write with Pillow and onnxruntime.

python pillow_onnxruntime.py FOLDER REPORT MODEL BATCH_SIZE
"""

import sys

import numpy as np
import onnxruntime
from common import Stopwatch, films_below
from PIL import Image


def main(folder: str, report: str, file: str, batch_size: str) -> None:
    """Classify a folder, a batch at a time."""
    session = onnxruntime.InferenceSession(file)
    name = session.get_inputs()[0].name
    size = int(batch_size)
    watch = Stopwatch()
    films = films_below(folder)
    probabilities: list[float] = []
    for start in range(0, len(films), size):
        images = [
            np.asarray(Image.open(film).convert("L").resize((224, 224)))
            for film in films[start : start + size]
        ]
        (values,) = session.run(None, {name: np.stack(images)[..., np.newaxis]})
        probabilities.extend(np.ravel(values))
    watch.finish(report, films, probabilities)


if __name__ == "__main__":
    main(*sys.argv[1:])
