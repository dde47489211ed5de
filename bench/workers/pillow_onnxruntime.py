"""The loop that anyone would write with Pillow and onnxruntime.

python pillow_onnxruntime.py FOLDER REPORT MODEL BATCH_SIZE
"""

import sys

import numpy as np
import onnxruntime
from common import Stopwatch, images_below
from PIL import Image


def main(folder: str, report: str, file: str, batch_size: str) -> None:
    """Classify a folder, a batch at a time."""
    session = onnxruntime.InferenceSession(file)
    (pixels,) = session.get_inputs()
    _, height, width, _ = pixels.shape
    output = session.get_outputs()[0].name
    size = int(batch_size)
    watch = Stopwatch()
    images = images_below(folder)
    probabilities: list[float] = []
    for start in range(0, len(images), size):
        decoded_images = [
            np.asarray(Image.open(image).convert("L").resize((width, height)))
            for image in images[start : start + size]
        ]
        (values,) = session.run([output], {pixels.name: np.stack(decoded_images)[..., np.newaxis]})
        probabilities.extend(np.ravel(values))
    watch.finish(report, images, probabilities)


if __name__ == "__main__":
    main(*sys.argv[1:])
