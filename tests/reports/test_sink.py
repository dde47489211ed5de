"""Several sinks as one."""

from collections import Counter

import pytest
from runs import FakeSink

from cxr_edge.errors import ReportError
from cxr_edge.reports.counts import Counts
from cxr_edge.reports.manifest import Manifest
from cxr_edge.reports.sink import RunResult, Sinks

MANIFEST = Manifest(identity=None, counts=Counts(), skipped=Counter())


def refuse(_: object) -> None:
    raise ReportError("no room")


def test_each_sink_is_told_in_order() -> None:
    """Each sink may rely on the work of the one before."""
    calls: list[str] = []
    names = ("first", "second")
    sinks = [FakeSink(write=lambda _, name=name: calls.append(name)) for name in names]  # type: ignore[misc]
    both = Sinks[object](sinks)
    both.begin(MANIFEST)
    both.write(["outcome"])
    both.close(RunResult(MANIFEST))
    assert calls == ["first", "second"]
    assert [sink.calls for sink in sinks] == [["begin at 0", "write 1", "close with None"]] * 2


def test_only_sinks_that_began_are_closed() -> None:
    """One that fails to begin is closed too: it may have opened something."""
    sinks = [FakeSink(), FakeSink(begin=refuse), FakeSink()]
    several = Sinks[object](sinks)
    with pytest.raises(ReportError):
        several.begin(MANIFEST)
    several.close(RunResult(MANIFEST))
    assert [len(sink.results) for sink in sinks] == [1, 1, 0]


def test_a_sink_that_cannot_be_closed_keeps_none_open() -> None:
    """The others are closed, and the error comes out."""
    sinks = [FakeSink(), FakeSink(close=refuse), FakeSink()]
    several = Sinks[object](sinks)
    several.begin(MANIFEST)
    with pytest.raises(ReportError, match="no room"):
        several.close(RunResult(MANIFEST))
    assert [len(sink.results) for sink in sinks] == [1, 1, 1]
