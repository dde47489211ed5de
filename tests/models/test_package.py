"""The formats of a package."""

from cxr_edge.models.package import FORMATS
from cxr_edge.models.registry import RUNTIMES
from cxr_edge.spec.precision import Precision


def test_every_format_has_a_file_and_a_runtime_of_its_own() -> None:
    """No two share a name or a file, and the runtime runs files of that suffix."""
    assert [kind.name for kind in FORMATS.values()] == list(FORMATS)
    assert len({kind.file for kind in FORMATS.values()}) == len(FORMATS)
    for kind in FORMATS.values():
        assert kind.file.endswith(RUNTIMES[kind.runtime].suffixes)


def test_the_most_exact_comes_first() -> None:
    """The choice of ``auto`` rests on this order."""
    order = list(Precision)
    ranks = [order.index(kind.precision) for kind in FORMATS.values()]
    assert ranks == sorted(ranks)
