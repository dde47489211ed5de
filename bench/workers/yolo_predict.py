"""The command ``yolo predict task=classify``, with a callback that notes its results.

python yolo_predict.py FOLDER REPORT MODEL SIDE
"""

import sys

from common import Stopwatch

COMMAND = (
    "yolo predict task=classify model={model} source={folder}/**/*.* imgsz={side} device=cpu "
    "batch=16 save=False verbose=False"
)


def main(folder: str, report: str, file: str, side: str) -> None:
    """Run the command in this process, as its entry point does."""
    # The library looks at the arguments when it is imported, to tell the command from a script.
    sys.argv = COMMAND.format(model=file, folder=folder, side=side).split()
    from ultralytics.cfg import entrypoint
    from ultralytics.utils.callbacks.base import default_callbacks

    watches: list[Stopwatch] = []
    found: dict[str, float] = {}
    default_callbacks["on_predict_start"].append(lambda _: watches.append(Stopwatch()))
    default_callbacks["on_predict_batch_end"].append(
        lambda predictor: found.update(
            (one.path, float(one.probs.data[1])) for one in predictor.results
        )
    )
    entrypoint()
    watches[0].finish(report, found, found.values())


if __name__ == "__main__":
    main(*sys.argv[1:])
