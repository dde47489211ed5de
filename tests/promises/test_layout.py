"""The rooms of the packages: where modules stand, and that no imports run in a circle."""

import ast
import pkgutil
import re
import tomllib
from graphlib import TopologicalSorter
from pathlib import Path

import grimp
from fakes import ROOT

ROOT_MODULES = {"__init__", "__main__", "errors", "extras", "notice"}
EDGE, EXPORT = ROOT / "toolkit" / "cxr_edge", ROOT / "export" / "cxr_export"


def test_no_imports_run_in_a_circle() -> None:
    """Modules import each other in one direction, imports inside functions counted too."""
    graph = grimp.build_graph("cxr_edge", "cxr_export", cache_dir=None)
    TopologicalSorter(
        {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    ).prepare()  # raises a CycleError, which names the modules


def test_every_module_stands_in_a_room() -> None:
    """The roots hold no module of a subject, and each room says in one line what it is."""
    assert {path.stem for path in EDGE.glob("*.py")} == ROOT_MODULES
    assert {path.stem for path in EXPORT.glob("*.py")} == {"__init__"}
    for room in _rooms(EDGE) | _rooms(EXPORT):
        first, *_ = (room / "__init__.py").read_text("utf-8").splitlines()
        assert first.startswith('"""')
        assert first.endswith('."""'), room


def test_what_the_distribution_declares_can_be_imported() -> None:
    """The commands name functions that exist, and no test run of others loads a plugin of ours."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert "cxr" in project["scripts"]
    assert "entry-points" not in project
    for name in project["scripts"].values():
        assert pkgutil.resolve_name(name)


def test_docstrings_start_with_their_subject() -> None:
    """No sentence begins with Of, That, As or What, which make a reader wait for its subject."""
    inverted = re.compile(r"(?:\A|[.!?] +|\n\n *)(?:Of|That|As|What) .*")
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}: {sentence}"
        for path in (*EDGE.rglob("*.py"), *EXPORT.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        for sentence in inverted.findall(str(node.value.value))
    ]
    assert not found


def _rooms(root: Path) -> set[Path]:
    return {path.parent for path in root.rglob("*.py")} - {root}
