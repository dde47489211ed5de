"""What a model expects and means: the spec that travels inside every artefact."""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

from cxr_edge.errors import SpecInvalid, SpecUnknown, UsageError
from cxr_edge.spec.interval import Interval
from cxr_edge.spec.provenance import Provenance
from cxr_edge.spec.quantization import Quantization
from cxr_edge.spec.recipe import RECIPES
from cxr_edge.spec.validation import is_text
from cxr_edge.storage.bounded import parse_json

if TYPE_CHECKING:
    from _typeshed import DataclassInstance
from cxr_edge.spec.input_spec import InputSpec
from cxr_edge.spec.operating_point import OperatingPoint

SPEC_VERSION: Final = 1
"""Version of the JSON below; a reader refuses what it does not know."""


@dataclass(frozen=True)
class ModelSpec:
    """All that a runtime must know of a model, and all that a reader should."""

    name: str
    """Name in reports."""
    labels: tuple[str, str]
    """Class names: negative, positive. The model gives P(positive)."""
    input: InputSpec
    """Pixels that it takes."""
    operating_points: tuple[OperatingPoint, ...]
    """Named thresholds, at least one."""
    default_operating_point: str
    """The one used where none is asked for."""
    provenance: Provenance | None = None
    """Training facts; None for a model of other origin."""
    quantization: Quantization | None = None
    """How fewer bits got about; None for an artefact in full precision."""

    def __post_init__(self) -> None:
        if not is_text(self.name):
            raise SpecInvalid(f"name: expected text, got {self.name!r}")
        if (
            len(tuple(self.labels)) != 2
            or not all(is_text(label) for label in self.labels)
            or self.labels[0] == self.labels[1]
        ):
            raise SpecInvalid(
                f"labels: expected two different names (negative, positive), got {self.labels!r}"
            )
        names = [point.name for point in self.operating_points]
        if not names or len(set(names)) != len(names):
            raise SpecInvalid(f"operating points: expected different names, got {names!r}")
        if self.default_operating_point not in names:
            raise SpecInvalid(
                f"default operating point: expected one of {', '.join(names)}, "
                f"got {self.default_operating_point!r}"
            )

    def operating_point(self, name: str | None = None) -> OperatingPoint:
        """Return the operating point called ``name``, the default one without.

        Raises
        ------
        UsageError
            The model has none of that name.
        """
        wanted = name or self.default_operating_point
        for point in self.operating_points:
            if point.name == wanted:
                return point
        known = ", ".join(point.name for point in self.operating_points)
        raise UsageError(f"operating point: {self.name} has {known}, asked for was {wanted!r}")

    def to_dict(self) -> dict[str, Any]:
        """Return the spec as JSON-ready data; :meth:`from_dict` is its inverse."""
        data = dataclasses.asdict(self)
        data["labels"] = list(self.labels)
        data["operating_points"] = [dataclasses.asdict(point) for point in self.operating_points]
        if self.input.raw:
            del data["input"]["scale"], data["input"]["offset"]
        data["input"]["recipe_sha256"] = RECIPES[self.input.recipe].digest
        del data["quantization"]
        if self.quantization:
            data["quantization"] = self.quantization.to_dict()
        return {"spec_version": SPEC_VERSION, **data}

    @classmethod
    def from_dict(cls, data: object) -> Self:
        """Read what :meth:`to_dict` wrote.

        Raises
        ------
        SpecUnknown
            Its version or recipe is unknown here.
        SpecInvalid
            Anything is missing, superfluous, or of the wrong kind.
        """
        fields = _mapping(data, "spec")
        version = fields.pop("spec_version", None)
        if version != SPEC_VERSION:
            raise SpecUnknown(
                f"spec_version: this version reads {SPEC_VERSION}, got {version!r}; "
                "install a newer cxr-edge, or export the model again"
            )
        fields["input"] = _input_spec(fields.get("input"))
        fields["labels"] = tuple(_sequence(fields.get("labels"), "labels"))
        fields["operating_points"] = tuple(
            _operating_point(point)
            for point in _sequence(fields.get("operating_points"), "operating_points")
        )
        if fields.get("provenance") is not None:
            provenance = _mapping(fields["provenance"], "provenance")
            provenance["validation_auc"] = _interval(provenance.get("validation_auc"))
            fields["provenance"] = _build(Provenance, provenance, "provenance")
        if fields.get("quantization") is not None:
            fields["quantization"] = Quantization.from_dict(fields["quantization"])
        return _build(cls, fields, "spec")

    def to_json(self) -> str:
        """Return the spec as indented JSON text with a final newline."""
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Read what :meth:`to_json` wrote; errors as in :meth:`from_dict`."""
        try:
            data = parse_json(text)
        except ValueError as exc:
            raise SpecInvalid(f"spec: expected JSON, got text that is not: {exc}") from exc
        try:
            return cls.from_dict(data)
        except RecursionError as exc:  # a value is quoted that is nested as deep as can be parsed
            raise SpecInvalid("spec: expected plain values, got one nested too deeply") from exc


T = TypeVar("T", bound="DataclassInstance")


def _build(kind: type[T], fields: dict[str, Any], where: str) -> T:
    known = {field.name: field for field in dataclasses.fields(kind)}
    required = {name for name, field in known.items() if field.default is dataclasses.MISSING}
    if missing := required - fields.keys():
        raise SpecInvalid(f"{where}: {', '.join(sorted(missing))} missing")
    if unknown := fields.keys() - known.keys():
        raise SpecInvalid(f"{where}: unknown field {', '.join(sorted(unknown))}")
    return kind(**fields)


def _input_spec(data: object) -> InputSpec:
    fields = _mapping(data, "input")
    digest = fields.pop("recipe_sha256", None)
    spec = _build(InputSpec, fields, "input")
    if digest is not None and digest != RECIPES[spec.recipe].digest:
        raise SpecUnknown(
            f"preprocessing recipe {spec.recipe}: this version's digest is "
            f"{RECIPES[spec.recipe].digest[:12]}, the model's is {str(digest)[:12]}; "
            "use the version of cxr-edge that exported the model, or export it again"
        )
    return spec


def _operating_point(data: object) -> OperatingPoint:
    fields = _mapping(data, "operating_points")
    for name in ("sensitivity", "specificity"):
        if fields.get(name) is not None:
            fields[name] = _interval(fields[name])
    return _build(OperatingPoint, fields, "operating_points")


def _interval(data: object) -> Interval:
    return _build(Interval, _mapping(data, "interval"), "interval")


def _mapping(data: object, where: str) -> dict[str, Any]:
    if not isinstance(data, Mapping):
        raise SpecInvalid(f"{where}: expected an object, got {type(data).__name__}")
    return dict(data)


def _sequence(data: object, where: str) -> list[Any]:
    if not isinstance(data, list):
        raise SpecInvalid(f"{where}: expected a list, got {type(data).__name__}")
    return data
