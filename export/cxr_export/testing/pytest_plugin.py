"""The pytest plugin: fixture and marker ``parity``, and a table of all that was compared.

A project asks for it by ``pytest_plugins = ["cxr_export.testing.pytest_plugin"]`` in its
``conftest.py``, or by ``-p cxr_export.testing.pytest_plugin``. pytest then imports this at every
start, so numpy, Keras and the rest are imported only when the fixture is called.
"""

from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from cxr_export.testing.assertion import Parity

MARKER: Final = "parity"
"""Name of the marker, of the fixture and of the property in reports."""

_POSITIONS: Final = ("reference", "candidate", "data")
_PATHS: Final = (*_POSITIONS, "spec", "candidate_spec")
_DATA: Final = "--parity-data"
_INI: Final = "parity_data"


class ParityCheck:
    """Value of the fixture: ``assert_parity`` with the marker's arguments as defaults."""

    def __init__(self, request: pytest.FixtureRequest) -> None:
        self._node = request.node
        self._config = request.config
        self.called = False

    def __call__(
        self, reference: Any = None, candidate: Any = None, data: Any = None, **options: Any
    ) -> "Parity":
        """Assert that a candidate decides like its reference.

        Parameters
        ----------
        reference, candidate, data, options
            Arguments of :func:`cxr_export.testing.assert_parity`. A missing one is taken from the
            markers, the nearest first; images then from ``--parity-data``, then from
            ``parity_data`` in pytest's configuration. Relative paths start at pytest's rootdir,
            except those on the command line.

        Raises
        ------
        MissingExtra
            The libraries of the extra ``export`` are not installed.
        UsageError
            A model or the images are not given, or a marker has an unknown argument.
        ParityAssertionError, CxrError
            As :func:`cxr_export.testing.assert_parity`.
        """
        __tracebackhide__ = True
        self.called = True
        assert_parity, failed = _load()
        given = {"reference": reference, "candidate": candidate, "data": data}
        options |= {name: value for name, value in given.items() if value is not None}
        options = self._defaults() | self._rooted(options)
        _check_complete(options)
        try:
            found: Parity = assert_parity(**options)
        except failed as exc:
            self._note(exc.parity)
            raise
        self._note(found)
        return found

    def _defaults(self) -> dict[str, Any]:
        """Return the arguments of the markers, and the images of pytest's own options."""
        here = self._config.invocation_params.dir
        images = [here / path for path in self._config.getoption(_DATA) or ()]
        images = images or self._config.getini(_INI)
        merged: dict[str, Any] = {"data": images} if images else {}
        for marker in reversed(list(self._node.iter_markers(MARKER))):
            arguments = dict(zip(_POSITIONS, marker.args, strict=False)) | marker.kwargs
            merged |= self._rooted(arguments)
        return merged

    def _rooted(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Return arguments whose paths start at the root."""
        from cxr_edge.models.locate import DEFAULT

        def rooted(value: Any) -> Any:
            if isinstance(value, list | tuple):
                return [rooted(each) for each in value]
            is_path = isinstance(value, str | Path) and str(value) != DEFAULT
            return self._config.rootpath / value if is_path else value

        return {
            name: rooted(value) if name in _PATHS else value for name, value in arguments.items()
        }

    def _note(self, found: "Parity") -> None:
        """Add rows to the test's report, which other processes send back too."""
        self._node.user_properties += [(MARKER, row) for row in found.rows]


def _load() -> tuple[Any, Any]:
    """Import the heavy libraries."""
    from cxr_edge.extras import needs_extra

    with needs_extra("the fixture 'parity'", "export"):
        from cxr_export.testing.assertion import ParityAssertionError, assert_parity
    return assert_parity, ParityAssertionError


def _check_complete(options: dict[str, Any]) -> None:
    import inspect

    from cxr_edge.errors import UsageError
    from cxr_export.testing.assertion import assert_parity

    known = inspect.signature(assert_parity).parameters
    if unknown := options.keys() - known.keys():
        raise UsageError(
            f"parity: expected {', '.join(known)}, got {', '.join(sorted(unknown))}; correct the "
            "call or its marker"
        )
    if missing := [name for name in _POSITIONS if options.get(name) is None]:
        raise UsageError(
            f"parity: expected {', '.join(_POSITIONS)}, got no {', no '.join(missing)}; give it "
            f"to the call or to a marker; images may also be given by {_DATA} or by {_INI} in "
            "pytest's configuration"
        )


@pytest.fixture
def parity(request: pytest.FixtureRequest) -> ParityCheck:
    """Assert, when called, that two models decide alike; see cxr_export.testing.assert_parity."""
    return ParityCheck(request)


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Fail a test that takes the fixture but never calls it: it has compared nothing."""
    outcome = yield
    check = pyfuncitem.funcargs.get(MARKER)
    if isinstance(check, ParityCheck) and not check.called:
        pytest.fail("parity: expected a call of the fixture, nothing was compared", pytrace=False)
    return outcome


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options that say where images are."""
    text = "images to compare models on: a file, a folder or a manifest"
    group = parser.getgroup(MARKER, "parity of models")
    group.addoption(_DATA, action="append", metavar="DATA", help=f"{text}; repeatable")
    parser.addini(_INI, f"{text}; one per line", type="paths", default=[])


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    config.addinivalue_line(
        "markers",
        f"{MARKER}(reference, candidate, data, gate, ...): arguments of cxr_export.testing."
        "assert_parity that the call of the fixture 'parity' does not give",
    )


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print a table of the comparisons."""
    rows = [
        row
        for reports in terminalreporter.stats.values()
        for report in reports
        if getattr(report, "when", None) == "teardown"  # the last, with all properties
        for name, row in report.user_properties
        if name == MARKER
    ]
    if not rows:
        return

    from cxr_edge.cli.tables import table_lines

    terminalreporter.section("parity")
    for line in table_lines(list(rows[0]), [list(row.values()) for row in rows]):
        terminalreporter.line(line)
