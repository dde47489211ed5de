"""Summary of an ``evaluation.json``, for the model card."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from cxr_edge.errors import DataError
from cxr_edge.evaluation.counterfactual import ProbabilityShift
from cxr_edge.evaluation.figures import Figures
from cxr_edge.evaluation.style_groups import GroupFigures
from cxr_edge.evaluation.worst_group import worst_of
from cxr_edge.spec.validation import auc_statement
from cxr_edge.storage.bounded import MAX_JSON, parse_json, read_at_most

VERSION: Final = 1
"""Version of the JSON; a reader refuses any other."""


@dataclass(frozen=True)
class Summary:
    """The figures of an evaluation."""

    model: str
    """Name and first digits of the artefact's digest."""
    group: str
    """Description of the images."""
    data_sha256: str
    """Digest of the images."""
    patients: int
    """Count of their patients."""
    figures: Figures
    """Figures of the images as they are."""
    copies: dict[str, Figures]
    """Name of a changed copy to its figures; may be empty."""
    counterfactual: dict[str, ProbabilityShift]
    """Name of a change of markers, borders or sharpness to its effect; may be empty."""
    by_style: dict[str, GroupFigures]
    """Name of a group of one appearance to its figures; may be empty."""

    @property
    def headline(self) -> str:
        """The AUC, as card and ``cxr models`` state it; empty where a class is missing."""
        area = self.figures.auc
        if area is None:
            return ""
        source = f"by cxr evaluate on a set of {self.figures.images} images ({self.group})"
        return auc_statement(area, worst_of(self.by_style, area), source)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read the ``evaluation.json`` that ``cxr evaluate`` wrote.

        Raises
        ------
        DataError
            It is not such a file, or is of another version.
        """
        try:
            data = parse_json(read_at_most(path, MAX_JSON))
            if data["evaluation_version"] == VERSION:
                return cls._from_dict(data)
            got = f"version {data['evaluation_version']}"
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as exc:
            got = f"{type(exc).__name__}: {exc}"
        raise DataError(
            f"{path}: expected the evaluation.json of 'cxr evaluate', version {VERSION}; "
            f"it cannot be read ({got})"
        )

    @classmethod
    def _from_dict(cls, data: Mapping[str, Any]) -> Self:
        return cls(
            model=data["model"],
            group=data["group"],
            data_sha256=data["data_sha256"],
            patients=data["patients"],
            figures=Figures.from_dict(data["groups"][data["group"]]),
            copies={name: Figures.from_dict(one) for name, one in data["copies"].items()},
            counterfactual={
                name: ProbabilityShift.from_dict(one)
                for name, one in data["counterfactual"].items()
            },
            by_style={
                name: GroupFigures.from_dict(one)
                for name, one in data.get("by_style", {}).items()  # earlier versions have none
            },
        )
