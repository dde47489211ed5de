"""The record of a spec file that was used."""

import json

import pytest

from cxr_edge.errors import SpecInvalid
from cxr_edge.spec.interval import Interval
from cxr_edge.spec.site_facts import SiteFacts
from cxr_edge.spec.spec_file import SpecFile

SITE = SiteFacts(100, 50, 80, "0" * 64, "2026-01-02", Interval(0.9, 0.8, 0.95))


@pytest.mark.parametrize("site", [None, SITE])
def test_a_record_survives_json(site: SiteFacts | None) -> None:
    """With the site check that wrote the file, and without."""
    record = SpecFile(r"\x3dsite.json", "ab" * 32, site)
    assert SpecFile.from_dict(json.loads(json.dumps(record.to_dict()))) == record
    assert str(record) == r"\x3dsite.json (SHA-256 abababababab)"


@pytest.mark.parametrize(
    "data",
    [
        None,
        3,
        {},
        {"name": "a"},
        {"name": "", "sha256": "ab"},
        {"name": "a\n", "sha256": "ab"},
        {"name": 3, "sha256": "ab"},
        {"name": "a", "sha256": "ab", "site": {"images": 3}},
        {"name": "a", "sha256": "ab", "site": SITE.to_dict() | {"auc": 0.9}},
        {"name": "a", "sha256": "ab", "new": 1},
    ],
)
def test_anything_else_is_refused(data: object) -> None:
    """A manifest may have been edited."""
    with pytest.raises(SpecInvalid):
        SpecFile.from_dict(data)
