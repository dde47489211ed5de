"""A spec file that was used in place of the spec inside a model."""

from dataclasses import dataclass
from typing import Any, Self

from cxr_edge.errors import SpecInvalid
from cxr_edge.spec.json_fields import build, mapping
from cxr_edge.spec.site_facts import SiteFacts
from cxr_edge.system.printable import cell_shown


@dataclass(frozen=True)
class SpecFile:
    """Name and digest of a spec file, and the site check that wrote it."""

    name: str
    """File name, without its folder, as :func:`cxr_edge.system.printable.printable` writes it."""
    sha256: str
    """SHA-256 of its bytes."""
    site: SiteFacts | None = None
    """Images that its operating points were measured on; None where no site check wrote it."""

    doubt: str = ""
    """Reason why the site check recommends no scan with its threshold; empty without one."""

    def __post_init__(self) -> None:
        shown = _is_shown(self.name) and _is_shown(self.sha256)
        if not shown or not (self.doubt == "" or _is_shown(self.doubt)):
            raise SpecInvalid(f"spec: expected the name and SHA-256 of a file, got {self!r:.200}")

    def __str__(self) -> str:
        return f"{cell_shown(self.name)} (SHA-256 {self.sha256[:12]})"

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON-ready data; :meth:`from_dict` is its inverse."""
        return {**vars(self), "site": self.site.to_dict() if self.site else None}

    @classmethod
    def from_dict(cls, data: object) -> Self:
        """Read what :meth:`to_dict` wrote; raises SpecInvalid for anything else."""
        fields = mapping(data, "spec")
        if fields.get("site") is not None:
            fields["site"] = SiteFacts.from_dict(fields["site"])
        return build(cls, fields, "spec")


def _is_shown(text: object) -> bool:
    return isinstance(text, str) and bool(text) and text.isprintable()
