"""What is wrong with a labelled set before a network learns from it."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from cxr_edge.datasets.duplicates import near_duplicates
from cxr_edge.datasets.labelled_image import LABELS, VALIDATION, LabelledImage
from cxr_edge.datasets.listing import list_images
from cxr_edge.errors import DataError, ImageError
from cxr_edge.metrics.proportions import wilson
from cxr_edge.pipeline.prepare import Prepared, prepare
from cxr_edge.spec.input_spec import InputSpec
from cxr_edge.system.cpu import usable_cpus

FEW: Final = 100
"""Fewer validation images of a class are too few to choose by."""

_THUMBNAIL: Final = InputSpec(64, 64)


@dataclass(frozen=True)
class SplitFacts:
    """One split of a set."""

    images: dict[str, int]
    """Class name to count of readable images."""
    patients: int
    """Count."""

    @property
    def prevalence(self) -> float:
        """Share of the positive class."""
        return self.images[LABELS[1]] / max(1, sum(self.images.values()))


@dataclass(frozen=True)
class Audit:
    """What was found; paths as they were listed."""

    splits: dict[str, SplitFacts]
    """By name; the name is empty where the set has no splits."""
    patients_across: dict[str, tuple[str, ...]]
    """Patient to the splits that share it, where there are several."""
    images_of_patients: dict[str, int]
    """Patient to count of images, where there are several."""
    exact_duplicates: tuple[tuple[str, ...], ...]
    """Groups of files with the same bytes."""
    conflicting: tuple[tuple[str, ...], ...]
    """Those of them that have different labels."""
    near_duplicates: tuple[tuple[str, str], ...]
    """Pairs of files with the same picture in other bytes."""
    near_conflicting: int
    """Those of the pairs that have different labels."""
    duplicates_across: int
    """Groups and pairs of duplicates, exact and near, that lie in several splits or, where there
    is one at most, belong to several patients."""
    unreadable: dict[str, str]
    """Path to reason."""
    widths: tuple[int, int, int]
    """Least, median and largest, pixels."""
    heights: tuple[int, int, int]
    """Least, median and largest, pixels."""
    formats: dict[str, int]
    """File format to count."""
    flags: dict[str, int]
    """Warning about a file, of the report's closed list, to count."""

    @property
    def patients_with_several(self) -> int:
        """Patients with more than one image."""
        return len(self.images_of_patients)

    @property
    def most_images(self) -> int:
        """Of one patient."""
        return max(self.images_of_patients.values(), default=1)

    def warnings(self) -> list[str]:
        """Return what ought to be mended, one sentence each."""
        found = []
        if self.patients_across:
            found.append(f"{len(self.patients_across)} patients are on several sides of the split")
        if self.exact_duplicates:
            files = sum(len(group) for group in self.exact_duplicates)
            found.append(
                f"{files} files are {len(self.exact_duplicates)} images under several names"
            )
        if self.conflicting:
            found.append(f"{len(self.conflicting)} images stand under both labels")
        if self.near_duplicates:
            found.append(f"{len(self.near_duplicates)} pairs of files show nearly the same picture")
        if self.near_conflicting:
            found.append(f"{self.near_conflicting} of these pairs stand under both labels")
        for name, split in self.splits.items():
            found += [
                f"no image of class {label}" + (f" in the split {name}" if name else "")
                for label, count in split.images.items()
                if not count
            ]
        if self.unreadable:
            found.append(f"{len(self.unreadable)} files cannot be read")
        if self.patients_with_several and len(self.splits) == 1:
            found.append(
                f"{self.patients_with_several} patients have several images, up to "
                f"{self.most_images}: a split by image would put them on both sides"
            )
        validation = self.splits.get(VALIDATION)
        fewest = min(validation.images.values()) if validation else FEW
        if fewest < FEW:
            least = wilson(fewest, fewest).low if fewest else 0.0
            doubt = f": {fewest} right of {fewest} still leave {least:.2f} possible"
            found.append(
                f"the validation split has {fewest} images of a class, too few to choose by"
                + (doubt if fewest else "")
            )
        return found

    def to_dict(self) -> dict[str, Any]:
        """Return all of it as JSON-ready data."""
        data = asdict(self)
        for name, split in self.splits.items():
            data["splits"][name]["prevalence"] = split.prevalence
        return {"audit_version": 1, **data, "warnings": self.warnings()}


@dataclass(frozen=True)
class Read:
    """The images of a set that can be read, and what they showed."""

    images: tuple[LabelledImage, ...]
    """N images."""
    prepared: tuple[Prepared, ...]
    """N thumbnails with their digests and sources."""
    linked: tuple[tuple[int, int], ...]
    """Pairs of near duplicates, by index."""
    unreadable: dict[str, str]
    """Path to reason of the others."""

    @property
    def twins(self) -> list[tuple[int, int]]:
        """Pairs of images that show one picture, in the same bytes or nearly so."""
        same = [(group[0], other) for group in self.same_bytes for other in group[1:]]
        return [*same, *self.linked]

    @property
    def same_bytes(self) -> list[list[int]]:
        """Groups of indices of files with the same bytes."""
        by_digest: dict[str, list[int]] = defaultdict(list)
        for index, prepared in enumerate(self.prepared):
            by_digest[prepared.sha256].append(index)
        return [group for group in by_digest.values() if len(group) > 1]


def read_set(data: Path) -> Read:
    """Read every image of a labelled set.

    Raises
    ------
    UsageError, DataError
        As :func:`cxr_edge.datasets.listing.list_images`; or no image can be read.
    """
    listed = list_images(data)
    images, kept, unreadable = [], [], {}
    with ThreadPoolExecutor(usable_cpus()) as pool:
        prepared = pool.map(lambda image: prepare(image.path, _THUMBNAIL), listed)
        for image, result in zip(listed, prepared, strict=True):
            if isinstance(result.content, ImageError):
                unreadable[str(image.path)] = result.content.reason
            else:
                images.append(image)
                kept.append(result)
    if not images:
        raise DataError(f"{data}: expected readable images, none of {len(listed)} is")
    thumbnails = np.stack([_pixels(result) for result in kept])
    linked = [
        (one, other)
        for one, other in near_duplicates(thumbnails)
        if kept[one].sha256 != kept[other].sha256
    ]
    return Read(tuple(images), tuple(kept), tuple(linked), unreadable)


def audit(read: Read) -> Audit:
    """Look at a set that :func:`read_set` has read."""
    images = read.images
    sides: dict[str, set[str]] = defaultdict(set)
    for image in images:
        sides[image.patient].add(image.split)
    counts = Counter(image.patient for image in images)
    names = [str(image.path) for image in images]
    same = read.same_bytes
    one_split = len({image.split for image in images}) == 1  # still to be split, by patient
    side = [image.patient if one_split else image.split for image in images]
    across = sum(len({side[index] for index in group}) > 1 for group in [*same, *read.linked])
    sources = [content.source for content in (p.content for p in read.prepared)
               if not isinstance(content, ImageError)]  # fmt: skip
    return Audit(
        splits={
            split: _split_facts([image for image in images if image.split == split])
            for split in sorted({image.split for image in images})
        },
        patients_across={
            patient: tuple(sorted(found)) for patient, found in sides.items() if len(found) > 1
        },
        images_of_patients={name: count for name, count in sorted(counts.items()) if count > 1},
        exact_duplicates=tuple(tuple(names[index] for index in group) for group in same),
        conflicting=tuple(
            tuple(names[index] for index in group) for group in same if conflict(images, group)
        ),
        near_duplicates=tuple((names[one], names[other]) for one, other in read.linked),
        near_conflicting=sum(conflict(images, pair) for pair in read.linked),
        duplicates_across=across,
        unreadable=read.unreadable,
        widths=_spread([source.width for source in sources]),
        heights=_spread([source.height for source in sources]),
        formats=dict(Counter(source.format for source in sources).most_common()),
        flags=dict(Counter(flag for source in sources for flag in source.flags).most_common()),
    )


def _split_facts(images: Sequence[LabelledImage]) -> SplitFacts:
    counts = Counter(LABELS[image.label] for image in images)
    return SplitFacts(
        {name: counts[name] for name in LABELS}, len({image.patient for image in images})
    )


def conflict(images: Sequence[LabelledImage], group: Sequence[int]) -> bool:
    """Tell whether images of one picture have different labels."""
    return len({images[index].label for index in group}) > 1


def _pixels(prepared: Prepared) -> NDArray[np.uint8]:
    assert not isinstance(prepared.content, ImageError)  # only readable images come here
    return prepared.content.pixels[:, :, 0]


def _spread(values: Sequence[int]) -> tuple[int, int, int]:
    return min(values), int(np.median(values)), max(values)
