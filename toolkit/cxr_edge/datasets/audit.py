"""Audit of a labelled set: leaks, duplicates, unreadable files."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from cxr_edge.datasets.classes import Classes
from cxr_edge.datasets.duplicates import near_duplicates
from cxr_edge.datasets.image_set import read_images
from cxr_edge.datasets.labelled_image import VALIDATION, LabelledImage
from cxr_edge.datasets.listing import list_images
from cxr_edge.datasets.patient_split import FEW, doubt
from cxr_edge.errors import DataError, ImageError
from cxr_edge.imaging.image import SourceFacts
from cxr_edge.pipeline.skipped import PACKED, Skipped
from cxr_edge.spec.input_spec import InputSpec
from cxr_edge.system.plural import counted
from cxr_edge.system.progress import stage, track

AUDIT_VERSION: Final = 1
"""Version of the JSON of an audit."""

_THUMBNAIL: Final = InputSpec(64, 64)


@dataclass(frozen=True)
class SplitFacts:
    """Counts of one split of a set."""

    images: dict[str, int]
    """Class name, negative first, to count of readable images."""
    patients: int
    """Count of patients."""

    @property
    def prevalence(self) -> float:
        """Share of the positive class."""
        _, positives = self.images.values()
        return positives / max(1, sum(self.images.values()))


@dataclass(frozen=True)
class Audit:
    """Findings of an audit; paths as they were listed."""

    splits: dict[str, SplitFacts]
    """Name of a split to its counts; the name is empty where the set has no splits."""
    patients_across: dict[str, tuple[str, ...]]
    """Patient to the splits that share it, where there are several."""
    images_of_patients: dict[str, int]
    """Patient to count of images, where there are several."""
    exact_duplicates: tuple[tuple[str, ...], ...]
    """Groups of files with the same bytes."""
    conflicting: tuple[tuple[str, ...], ...]
    """Groups of files with the same bytes and different labels."""
    near_duplicates: tuple[tuple[str, str], ...]
    """Pairs of files with nearly the same image in other bytes."""
    near_conflicting: int
    """Pairs of near duplicates with different labels."""
    duplicates_across: int
    """Groups and pairs of duplicates, exact and near, that lie in several splits or, in a set of
    one split, belong to several patients."""
    unreadable: dict[str, str]
    """Path of an unreadable file to the reason."""
    widths: tuple[int, int, int]
    """Least, median and largest width, pixels."""
    heights: tuple[int, int, int]
    """Least, median and largest height, pixels."""
    formats: dict[str, int]
    """File format to count."""
    flags: dict[str, int]
    """Flag of an image, of the report's closed list, to count."""
    packed: int
    """Count of archives and compressed files in the class folders; nobody looks into them."""

    @property
    def patients_with_several(self) -> int:
        """Count of patients with more than one image."""
        return len(self.images_of_patients)

    @property
    def most_images(self) -> int:
        """Largest number of images of one patient."""
        return max(self.images_of_patients.values(), default=1)

    def warnings(self) -> list[str]:
        """Return what ought to be repaired, one sentence each."""
        found = []
        if self.patients_across:
            patients = counted(len(self.patients_across), "patient is", "patients are")
            found.append(f"{patients} in several splits")
        if self.exact_duplicates:
            images = counted(len(self.exact_duplicates), "image is", "images are")
            names = sum(len(group) for group in self.exact_duplicates)
            found.append(f"{images} stored under {names} names")
        if self.conflicting:
            images = counted(len(self.conflicting), "image has", "images have")
            found.append(f"{images} both labels")
        if self.near_duplicates:
            pairs = counted(len(self.near_duplicates), "pair of files shows", "pairs of files show")
            found.append(f"{pairs} nearly the same image")
        if self.near_conflicting:
            found.append(f"both labels in {self.near_conflicting} of these pairs")
        for name, split in self.splits.items():
            found += [
                f"no image of class {label}" + (f" in the split {name}" if name else "")
                for label, count in split.images.items()
                if not count
            ]
        if self.unreadable:
            found.append(counted(len(self.unreadable), "file", "files") + " cannot be read")
        if self.packed:
            found.append(f"packed files in the class folders: {self.packed}; unpack them")
        if self.patients_with_several and len(self.splits) == 1:
            patients = counted(len(self.images_of_patients), "patient has", "patients have")
            found.append(
                f"{patients} several images, at most {self.most_images} each: split by patient, "
                "not by image"
            )
        return found + self._validation_warnings()

    def _validation_warnings(self) -> list[str]:
        validation = self.splits.get(VALIDATION)
        fewest = min(validation.images.values()) if validation else FEW
        if fewest >= FEW:
            return []
        return [
            f"the validation split has {fewest} images of a class, too few to choose a model by"
            + (f"; {doubt(fewest)}" if fewest else "")
        ]

    def to_dict(self) -> dict[str, Any]:
        """Return the findings as JSON-ready data."""
        data = asdict(self)
        for name, split in self.splits.items():
            data["splits"][name]["prevalence"] = split.prevalence
        return {"audit_version": AUDIT_VERSION, **data, "warnings": self.warnings()}


@dataclass(frozen=True)
class ReadSet:
    """Readable images of a labelled set, with what an audit needs of each."""

    classes: Classes
    """Class names: negative, positive."""
    images: tuple[LabelledImage, ...]
    """N images."""
    sha256: tuple[str, ...]
    """Digest of each file's bytes."""
    sources: tuple[SourceFacts, ...]
    """Format, size and flags of each."""
    near: tuple[tuple[int, int], ...]
    """Pairs of near duplicates, by index."""
    unreadable: dict[str, str]
    """Path of an unreadable file to the reason."""
    packed: int
    """Count of archives and compressed files in the class folders."""

    @property
    def duplicates(self) -> list[tuple[int, int]]:
        """Pairs of images with the same bytes, or nearly the same image."""
        same = [(group[0], other) for group in self.same_bytes for other in group[1:]]
        return [*same, *self.near]

    @property
    def same_bytes(self) -> list[list[int]]:
        """Groups of indices of files with the same bytes."""
        by_digest: dict[str, list[int]] = defaultdict(list)
        for index, digest in enumerate(self.sha256):
            by_digest[digest].append(index)
        return [group for group in by_digest.values() if len(group) > 1]


def read_set(data: Path, classes: Classes) -> ReadSet:
    """Read every image of a labelled set.

    Raises
    ------
    UsageError, DataError
        As :func:`cxr_edge.datasets.listing.list_images`; or no image can be read.
    """
    skipped = Skipped()
    listed = list_images(data, classes, skipped)
    images: list[LabelledImage] = []
    thumbnails: list[NDArray[np.uint8]] = []
    digests: list[str] = []
    sources: list[SourceFacts] = []
    unreadable = {}
    for image, prepared in track(read_images(listed, _THUMBNAIL), "reading images", len(listed)):
        if isinstance(prepared.content, ImageError):
            unreadable[str(image.path)] = prepared.content.reason
        else:
            images.append(image)
            thumbnails.append(prepared.content.pixels[:, :, 0])
            digests.append(prepared.sha256)
            sources.append(prepared.content.source)
    if not images:
        raise DataError(f"{data}: expected readable images, none of {len(listed)} is")
    with stage("looking for near duplicates"):
        pairs = near_duplicates(np.stack(thumbnails))
    near = [(one, other) for one, other in pairs if digests[one] != digests[other]]
    return ReadSet(
        classes, tuple(images), tuple(digests), tuple(sources), tuple(near), unreadable,
        skipped.counts[PACKED],
    )  # fmt: skip


def audit(read: ReadSet) -> Audit:
    """Audit a set that :func:`read_set` has read."""
    images = read.images
    sides: dict[str, set[str]] = defaultdict(set)
    for image in images:
        sides[image.patient].add(image.split)
    counts = Counter(image.patient for image in images)
    names = [str(image.path) for image in images]
    same = read.same_bytes
    one_split = len({image.split for image in images}) == 1  # still to be split, by patient
    side = [image.patient if one_split else image.split for image in images]
    across = sum(len({side[index] for index in group}) > 1 for group in [*same, *read.near])
    sources = read.sources
    return Audit(
        splits={
            split: _split_facts([image for image in images if image.split == split], read.classes)
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
        near_duplicates=tuple((names[one], names[other]) for one, other in read.near),
        near_conflicting=sum(conflict(images, pair) for pair in read.near),
        duplicates_across=across,
        unreadable=read.unreadable,
        widths=_spread([source.width for source in sources]),
        heights=_spread([source.height for source in sources]),
        formats=dict(Counter(source.format for source in sources).most_common()),
        flags=dict(Counter(flag for source in sources for flag in source.flags).most_common()),
        packed=read.packed,
    )


def _split_facts(images: Sequence[LabelledImage], classes: Classes) -> SplitFacts:
    counts = Counter(image.class_in(classes) for image in images)
    return SplitFacts(
        {name: counts[name] for name in classes}, len({image.patient for image in images})
    )


def conflict(images: Sequence[LabelledImage], group: Sequence[int]) -> bool:
    """Tell whether the images of a group have different labels."""
    return len({images[index].label for index in group}) > 1


def _spread(values: Sequence[int]) -> tuple[int, int, int]:
    return min(values), int(np.median(values)), max(values)
