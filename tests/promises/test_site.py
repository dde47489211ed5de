"""The documentation's site: complete, current, and without a request to another host."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from fakes import ROOT

DOCS = ROOT / "docs"
PAGES = [*sorted(ROOT.glob("*.md")), *sorted(DOCS.glob("*.md"))]
LOADED = re.compile(
    r"<(?:script|img|iframe|source)\b[^>]*?\bsrc=[\"']?(?P<src>[^\s\"'>]+)"
    r"|<link\b[^>]*?\bhref=[\"']?(?P<href>[^\s\"'>]+)"
    r"|url\([\"']?(?P<url>[^\"')]+)"
)


@pytest.fixture
def generator() -> ModuleType:
    """``docs/generate_cli.py``, which lies in no package."""
    spec = importlib.util.spec_from_file_location("generate_cli", DOCS / "generate_cli.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_the_command_reference_is_current(generator: ModuleType) -> None:
    """docs/cli.md is what ``--help`` prints; ``python docs/generate_cli.py`` writes it."""
    written = generator.PAGE.read_text(encoding="utf-8")
    assert written == generator.reference()
    assert max(map(len, written.splitlines())) <= generator.WIDTH
    assert "\x1b" not in written


def test_the_index_leads_to_every_page() -> None:
    """Each page of docs/ is linked from the index, so that none is found by chance alone."""
    linked = set(re.findall(r"\]\(([\w-]+\.md)\)", (DOCS / "index.md").read_text("utf-8")))
    in_the_card = {"default-model.md"}  # a part of the model card, not a page
    assert {page.name for page in DOCS.glob("*.md")} == linked | {"index.md"} | in_the_card


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files(page: Path) -> None:
    """A link from one page of the repository to another leads to a file that is there."""
    for target in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


def test_the_seams_are_where_the_page_says() -> None:
    """Each Protocol that docs/architecture.md names is defined in the room that it names."""
    page = (DOCS / "architecture.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| [^|]+ \| (?:a|an|the) `(\w+)` in .*?`(\w+)/`", page, re.MULTILINE)
    seams = {"Runtime", "Sink", "Storage", "OutputFolder", "InputCheck", "Engine", "Work"}
    assert {seam for seam, _ in rows} == seams
    for seam, room in rows:
        files = (ROOT / "toolkit" / "cxr_edge" / room).rglob("*.py")
        assert any(f"class {seam}(Protocol" in file.read_text("utf-8") for file in files), seam


@pytest.mark.slow
def test_the_site_is_built_and_asks_no_other_host(tmp_path: Path) -> None:
    """Links between the pages hold, and no page loads a script, style or picture from elsewhere."""
    pytest.importorskip("material", reason="the extra 'docs' is not installed")
    words = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "-d", tmp_path]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    pages = [*tmp_path.rglob("*.html"), *tmp_path.rglob("*.css")]
    assert len(pages) > 20
    for page in pages:
        for found in LOADED.finditer(page.read_text(encoding="utf-8")):
            target = found["src"] or found["href"] or found["url"]
            assert not re.match(r"(https?:)?//", target), f"{page.name} loads {target}"
