"""Keras as the study of 2021 used it: ImageDataGenerator and predict.

python keras_predict.py FOLDER REPORT MODEL rgb|grayscale
"""

import sys

import keras
from common import Stopwatch
from tensorflow.keras.preprocessing.image import ImageDataGenerator


def main(folder: str, report: str, file: str, color_mode: str) -> None:
    """Classify a folder; the study's network takes RGB from 0 to 1, the embedded one raw gray."""
    model = keras.saving.load_model(file, compile=False)
    watch = Stopwatch()
    if color_mode == "rgb":
        generator = ImageDataGenerator(rescale=1 / 255)
    else:
        generator = ImageDataGenerator(dtype="uint8")
    images = generator.flow_from_directory(
        folder, color_mode=color_mode, target_size=model.input_shape[1:3],
        batch_size=32,
        class_mode="binary", shuffle=False,
    )  # fmt: skip
    probabilities = model.predict(images, verbose=0)
    watch.finish(report, images.filenames, probabilities[:, 0])


if __name__ == "__main__":
    main(*sys.argv[1:])
