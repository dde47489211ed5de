"""OpenVINO as its documentation shows for throughput: requests in parallel, an image each.

python openvino_async.py FOLDER REPORT MODEL
"""

import sys

import cv2
import numpy as np
import openvino
from common import Stopwatch, images_below


def main(folder: str, report: str, file: str) -> None:
    """Classify a folder."""
    core = openvino.Core()
    model = core.read_model(file)
    height, width = (side.get_length() for side in list(model.input().partial_shape)[1:3])
    model.reshape([1, height, width, 1])
    compiled = core.compile_model(model, "CPU", {"PERFORMANCE_HINT": "THROUGHPUT"})
    found: dict[str, float] = {}

    def keep(request: openvino.InferRequest, image: str) -> None:
        found[image] = float(np.ravel(request.get_output_tensor(0).data)[0])

    requests = openvino.AsyncInferQueue(compiled)
    requests.set_callback(keep)
    watch = Stopwatch()
    for path in images_below(folder):
        image = str(path)
        decoded = cv2.resize(cv2.imread(image, cv2.IMREAD_GRAYSCALE), (width, height))
        requests.start_async({0: decoded[np.newaxis, ..., np.newaxis]}, image)
    requests.wait_all()
    watch.finish(report, found, found.values())


if __name__ == "__main__":
    main(*sys.argv[1:])
