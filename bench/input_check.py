"""Shares of images that the input check flags, by kind, and what it costs.

    python bench/input_check.py MODEL --data DATA --not-chest DIR [--more-chest DIR] [--styles CSV]

Prints the figures of docs/input-check.md. DATA are labelled images of the training hospital; those
that neither the network nor the statistics have seen tell most. Each is also judged inverted,
rotated, cropped, with little contrast, and as noise. Images of the other folders are judged as they
are: for those that the statistics were fitted to, take the counts that ``cxr export`` prints, which
are from fits without them. With --leave-out, MODEL is a package with its Keras model, and its
statistics are fitted again to --fit DATA without each kind in turn, which is then judged.
"""

import argparse
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from pairs import Spread

from cxr_edge.datasets.image_set import ImageSet, load_images
from cxr_edge.datasets.listing import list_images
from cxr_edge.datasets.style_file import read_styles
from cxr_edge.imaging.image import VERDICTS, SourceFacts
from cxr_edge.models.open import open_artefact
from cxr_edge.pipeline.discover import discover
from cxr_edge.pipeline.input_check import checks_for
from cxr_edge.pipeline.prepare import Pixels, prepare
from cxr_edge.pipeline.statistics_check import UNLIKE, StatisticsCheck
from cxr_edge.runtimes.base import Runtime
from cxr_edge.runtimes.batches import run_in_batches

Image = tuple[NDArray[np.uint8], SourceFacts]
CHANGES: Mapping[str, Callable[[NDArray[np.uint8]], NDArray[np.uint8]]] = {
    "inverted": lambda image: 255 - image,
    "rotated by 90": lambda image: np.rot90(image, 1),
    "rotated by 180": lambda image: np.rot90(image, 2),
    "rotated by 270": lambda image: np.rot90(image, 3),
    "left half": lambda image: image[:, : image.shape[1] // 2],
    "right half": lambda image: image[:, image.shape[1] // 2 :],
    "upper half": lambda image: image[: image.shape[0] // 2],
    "lower half": lambda image: image[image.shape[0] // 2 :],
    "upper left quarter": lambda image: image[: image.shape[0] // 2, : image.shape[1] // 2],
    "a fifth of the contrast": lambda image: (100 + 0.2 * image).astype(np.uint8),
    "noise": lambda image: noise(image.shape),
}
RNG = np.random.default_rng(2021)


def noise(shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Return noise around some gray."""
    drawn = RNG.normal(RNG.uniform(30, 220), RNG.uniform(2, 40), shape)
    return np.clip(drawn, 0, 255).astype(np.uint8)


def changed(images: Sequence[Image], change: str) -> list[Image]:
    """Return copies of images, stretched to their shape."""
    found = []
    for pixels, source in images:
        copy = np.ascontiguousarray(CHANGES[change](pixels))
        shape = pixels.shape[1], pixels.shape[0]
        found.append((cv2.resize(copy, shape).reshape(pixels.shape), source))
    return found


def flags_of(runtime: Runtime, images: Sequence[Image]) -> list[set[str]]:
    """Return the flags of each image, those of its file too."""
    pixels = np.stack([image for image, _ in images])
    features = run_in_batches(runtime, pixels).features
    assert features is not None
    checks = checks_for(runtime.spec)
    return [
        {*source.flags, *(flag for check in checks for flag in check.flags(image, source, row))}
        for (image, source), row in zip(images, features, strict=True)
    ]


def row(name: str, found: Sequence[set[str]]) -> str:
    """Return a row of the table."""
    bad = [flags & VERDICTS for flags in found]
    named = sum(bool(flags - {UNLIKE}) for flags in bad)
    every = Counter(flag for flags in bad for flag in flags)
    most = ", ".join(f"{flag} {count}" for flag, count in every.most_common(4))
    share = sum(map(bool, bad)) / len(bad)
    return f"| {name} | {len(bad)} | {share:.1%} | {named / len(bad):.1%} | {most} |"


def read(folder: Path, runtime: Runtime) -> dict[str, list[Image]]:
    """Return the images below a folder by the name of the folder that they lie in."""
    found: dict[str, list[Image]] = {}
    for item in discover([folder]):
        content = prepare(item.file, runtime.spec.input).content
        if isinstance(content, Pixels):
            image = content.pixels, content.source
            found.setdefault(item.file.parent.name, []).append(image)
    return found


def real(options: argparse.Namespace, runtime: Runtime) -> tuple[ImageSet, list[Image]]:
    """Return the images of the training hospital."""
    listed = [one for path in options.data for one in list_images(path, runtime.spec.labels)]
    images = load_images(listed, runtime.spec.labels, runtime.spec.input, skip_unreadable=True)
    facts = SourceFacts(4096, 4096, "png")
    return images, [(pixels, facts) for pixels in images.pixels]


def rows(options: argparse.Namespace, runtime: Runtime) -> Iterator[str]:
    """Yield the rows of the table."""
    images, pixels = real(options, runtime)
    found = flags_of(runtime, pixels)
    yield row("real images", found)
    if options.styles:
        counter = read_styles(options.styles, images).counter
        for label, name in enumerate(images.classes):
            for odd, look in ((False, "easy"), (True, "counter-style")):
                inside = np.flatnonzero((images.labels == label) & (counter == odd)).tolist()
                if inside:
                    yield row(f"{name}, {look}", [found[index] for index in inside])
    for change in CHANGES:
        yield row(change, flags_of(runtime, changed(pixels, change)))
    for folder in (*options.not_chest, *options.more_chest):
        for kind, others in read(folder, runtime).items():
            yield row(kind, flags_of(runtime, others))


def left_out(options: argparse.Namespace) -> Iterator[str]:
    """Yield a row for each kind, judged by statistics that were fitted without it."""
    from cxr_export.keras_models.load import load_original
    from cxr_export.packaging.check_images import input_statistics
    from cxr_export.packaging.request import Request

    original = load_original(Path(options.model) / "model.keras", features=True)
    folders = sorted(one for folder in options.not_chest for one in folder.iterdir())
    for folder in folders:
        others = [one for one in folders if one != folder]
        request = Request(calibration=options.fit, not_chest=others, more_chest=options.more_chest)
        home = options.styles.parent if options.styles else Path(options.model)
        made = input_statistics(request, original, original.spec, home, lambda _: None)
        original.spec = replace(original.spec, input_check=made)
        (images,) = read(folder, original).values()
        yield row(f"{folder.name}, left out", flags_of(original, images))


def cost(options: argparse.Namespace, runtime: Runtime, rounds: int = 9) -> Spread:
    """Return the CPU time of decoding, scoring and checking over that of the first two."""
    files = [one for path in options.data for one in list_images(path, runtime.spec.labels)][:200]
    checks = checks_for(runtime.spec)

    def ratio() -> float:
        scored, checked = 0.0, 0.0
        for image in files:
            start = time.thread_time()
            content = prepare(image.path, runtime.spec.input).content
            assert isinstance(content, Pixels)
            given = runtime.run(content.pixels[np.newaxis]).features
            assert given is not None
            between = time.thread_time()
            for check in checks:
                check.flags(content.pixels, content.source, given[0])
            scored += between - start
            checked += time.thread_time() - between
        return (scored + checked) / scored

    ratio()
    return Spread.of(ratio() for _ in range(rounds))


def main() -> None:
    """Print the table and the cost."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", metavar="MODEL", help="package or artefact with statistics")
    parser.add_argument("--data", nargs="+", type=Path, default=[], help="labelled images")
    parser.add_argument("--styles", type=Path, help="styles.csv of these images")
    parser.add_argument("--not-chest", nargs="+", type=Path, default=[], help="folders of kinds")
    parser.add_argument("--more-chest", nargs="+", type=Path, default=[], help="folders")
    parser.add_argument("--leave-out", action="store_true", help="fit without each kind in turn")
    parser.add_argument("--fit", nargs="+", type=Path, default=[], help="images for --leave-out")
    options = parser.parse_args()
    print("| images | number | any verdict | but unlike-training-data | most frequent |")
    print("| --- | --- | --- | --- | --- |")
    if options.leave_out:
        for line in left_out(options):
            print(line, flush=True)
        return
    runtime = open_artefact(options.model, "onnx", threads=1, features=True).runtime
    assert any(isinstance(check, StatisticsCheck) for check in checks_for(runtime.spec))
    for line in rows(options, runtime):
        print(line, flush=True)
    print(f"\nCPU time of decode, score and check, to decode and score: {cost(options, runtime)}")


if __name__ == "__main__":
    main()
