"""PyTorch on the CPU as timm's inference.py --channels-last does, a network of the same cost.

    python timm_inference.py FOLDER REPORT

The weights are as drawn, so that nothing is downloaded: its probabilities mean nothing.
"""

import sys

import numpy as np
import timm
import torch
from common import Stopwatch
from timm.data import create_dataset, create_loader, resolve_data_config


def main(folder: str, report: str) -> None:
    """Classify a folder; the rest is as that script does it without options."""
    model = timm.create_model("tf_efficientnet_lite0", pretrained=False, num_classes=2).eval()
    model = model.to(memory_format=torch.channels_last)
    config = resolve_data_config({}, model=model)
    watch = Stopwatch()
    dataset = create_dataset(name="", root=folder)
    loader = create_loader(
        dataset, batch_size=256, num_workers=2, use_prefetcher=True, device=torch.device("cpu"),
        **config,
    )  # fmt: skip
    with torch.inference_mode():
        outputs = [model(images).softmax(-1).numpy() for images, _ in loader]
    watch.finish(report, dataset.filenames(), np.concatenate(outputs)[:, 1])


if __name__ == "__main__":
    main(*sys.argv[1:])
