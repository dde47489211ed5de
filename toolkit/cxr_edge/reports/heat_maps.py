"""The folder of heat maps: which images get one, its file's name, and the file itself."""

import os
import re
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from errno import EEXIST
from heapq import nlargest
from pathlib import Path
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from cxr_edge.errors import UsageError
from cxr_edge.imaging.heat_map_file import heat_map_note, heat_map_path
from cxr_edge.imaging.overlay import HeatMap, as_png, draw_overlay
from cxr_edge.imaging.png_note import has_note, is_noted, with_note
from cxr_edge.metrics.calibration import logit
from cxr_edge.models.model import Model
from cxr_edge.pipeline.decision import Decision
from cxr_edge.pipeline.outcome import Prediction
from cxr_edge.reports.csv_report import shown
from cxr_edge.spec.review_band import REVIEW
from cxr_edge.storage.atomic import atomic_write
from cxr_edge.system.printable import first_line, printable

_POSITIVES, _REVIEW, _ALL = "positives", "review", "all"
_LEAST_SPAN: Final = 2.0
"""Least difference of the ends of the scale, in units of the logit."""


@dataclass(frozen=True)
class Wanted:
    """The images that get a heat map."""

    every: bool = False
    """Whether all do that are scored; if not, those at or over the threshold do, whose label is the
    positive one or withheld."""
    review: bool = False
    """Whether all others that are labelled review do, too."""
    top: int = 0
    """Number of the most probable ones that do, whatever their label; 0 for no such number."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``positives``, ``review``, ``all`` or ``top:N``.

        Raises
        ------
        UsageError
            It is something else.
        """
        if text in (_POSITIVES, _REVIEW, _ALL):
            return cls(every=text == _ALL, review=text == _REVIEW)
        top = re.fullmatch(r"top:([1-9][0-9]{0,8})", text)
        if top is None:
            raise UsageError(
                f"--heatmaps-for: expected {_POSITIVES}, {_REVIEW}, top:N with N of 1 or more, or "
                f"{_ALL}, got {text!r}"
            )
        return cls(top=int(top[1]))

    def takes(self, probability: float, threshold: float, label: str) -> bool:
        """Tell whether an image gets one, as far as it alone tells: not for ``top:N``.

        Parameters
        ----------
        probability, threshold
            As they stand in the report.
        label
            Label of the image.
        """
        return self.every or probability >= threshold or (self.review and label == REVIEW)

    @property
    def nothing_to_draw(self) -> str:
        """Reason why no image of a report gets one."""
        if self.every or self.top:
            return "no image was scored"
        unless = f" or labelled {REVIEW}" if self.review else ""
        return (
            f"no image is over the threshold{unless}; --heatmaps-for {_ALL} draws those of others"
        )

    def of(self, rows: Iterable[Mapping[str, str]]) -> Iterator[Mapping[str, str]]:
        """Yield the rows of a report whose images get one; memory holds N rows of ``top:N``."""
        scored = (row for row in rows if row["status"] == "ok")
        if self.top:
            yield from nlargest(self.top, scored, key=lambda row: float(row["probability"]))
        else:
            yield from (
                row
                for row in scored
                if self.takes(float(row["probability"]), float(row["threshold"]), row["label"])
            )


def evidence(values: NDArray[np.float32], decision: Decision) -> HeatMap:
    """Return a model's map as it is drawn: what each place has above the threshold.

    Parameters
    ----------
    values
        The map, shape (h, w), whose mean is the logit of the image: so an image with the positive
        label has at least one place with evidence.
    decision
        Labels and threshold.
    """
    above = values - np.float32(logit(decision.threshold))
    unit = "logit of each place above the threshold's"
    return HeatMap(above, decision.labels[1], unit, _LEAST_SPAN)


@dataclass
class HeatMapFolder:
    """A folder of heat maps, made by one model at one threshold; workers draw side by side.

    A picture says in itself from which image, model and threshold it was made. One of the same
    stays, one of others is replaced; a file that is no picture of this kind is never replaced.
    """

    folder: Path
    """The folder."""
    model: Model
    """Model that gives the maps."""
    decision: Decision
    """Rule that makes labels."""
    wanted: Wanted = field(default_factory=Wanted)
    """Images that get a heat map."""
    count: int = 0
    """Images of the report that are to have one; counted when all its rows are there."""
    failed: dict[str, str] = field(default_factory=dict)
    """Reason of each image whose heat map could not be written, by its path in the report."""

    def __post_init__(self) -> None:
        self._lock = threading.Lock()

    def missing(self, rows: Iterable[Mapping[str, str]]) -> Iterator[str]:
        """Yield the paths of a report's rows that are to have a heat map and have none.

        All of them are counted.
        """
        self.count = 0
        for row in self.wanted.of(rows):
            self.count += 1
            note = self._note(row["sha256"], row["threshold"])
            if not has_note(heat_map_path(self.folder, row["path"]), note):
                yield row["path"]

    def draw_if_wanted(
        self, prediction: Prediction, image: NDArray[np.uint8], values: NDArray[np.float32]
    ) -> None:
        """Write a heat map, as :meth:`draw`, if this image alone tells that it gets one."""
        if self.wanted.takes(prediction.probability, prediction.threshold, prediction.label):
            self.draw(prediction, image, values)

    def draw(
        self, prediction: Prediction, image: NDArray[np.uint8], values: NDArray[np.float32]
    ) -> None:
        """Write a heat map, as :data:`cxr_edge.pipeline.classify.Draw`; note a failure."""
        path = printable(prediction.path)
        try:
            self._write(heat_map_path(self.folder, path), prediction, image, values)
        except Exception as exc:  # noqa: BLE001  (no heat map may cost an image its row)
            reason = exc.strerror if isinstance(exc, OSError) and exc.strerror else first_line(exc)
            with self._lock:
                self.failed[path] = reason

    def _write(
        self,
        path: Path,
        prediction: Prediction,
        image: NDArray[np.uint8],
        values: NDArray[np.float32],
    ) -> None:
        note = self._note(prediction.sha256, shown(prediction.threshold))
        if has_note(path, note):
            return
        if os.path.lexists(path) and not is_noted(path):
            raise FileExistsError(EEXIST, "there is a file that is no heat map of cxr-edge")
        positive = self.decision.labels[1]
        verdict = (
            f"{prediction.label}, probability of {positive} {shown(prediction.probability)}, "
            f"threshold {shown(prediction.threshold)} ({self.decision.operating_point}), model "
            f"{self.model.tag}"
        )
        picture = draw_overlay(image, evidence(values, self.decision), [verdict])
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as half:
            half.write_bytes(with_note(as_png(picture), note))

    def _note(self, sha256: str, threshold: str) -> str:
        return heat_map_note(sha256, self.model.sha256, threshold)
