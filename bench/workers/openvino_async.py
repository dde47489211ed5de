"""OpenVINO as its documentation shows for throughput: requests in parallel, a film each.

python openvino_async.py FOLDER REPORT MODEL
"""

import sys

import cv2
import numpy as np
import openvino
from common import Stopwatch, films_below


def main(folder: str, report: str, file: str) -> None:
    """Classify a folder."""
    core = openvino.Core()
    model = core.read_model(file)
    model.reshape([1, 224, 224, 1])
    compiled = core.compile_model(model, "CPU", {"PERFORMANCE_HINT": "THROUGHPUT"})
    found: dict[str, float] = {}

    def keep(request: openvino.InferRequest, film: str) -> None:
        found[film] = float(np.ravel(request.get_output_tensor().data)[0])

    requests = openvino.AsyncInferQueue(compiled)
    requests.set_callback(keep)
    watch = Stopwatch()
    for path in films_below(folder):
        film = str(path)
        image = cv2.resize(cv2.imread(film, cv2.IMREAD_GRAYSCALE), (224, 224))
        requests.start_async({0: image[np.newaxis, ..., np.newaxis]}, film)
    requests.wait_all()
    watch.finish(report, found, found.values())


if __name__ == "__main__":
    main(*sys.argv[1:])
