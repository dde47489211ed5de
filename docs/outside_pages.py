"""Hook of MkDocs: pages of the repository that lie outside of docs/ are pages of the site too."""

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parent.parent
PAGES = {
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "toolkit/cxr_edge/models/default/README.md": "model-card.md",
}
"""Paths in the repository, each with its page in the site."""

_LINK = re.compile(r"(?<=\]\()(?P<target>[^)#:\s]+)(?=[)#])")
_FRONT_MATTER = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the outside pages to those of docs/."""
    for path, page in PAGES.items():
        text = _FRONT_MATTER.sub("", (ROOT / path).read_text(encoding="utf-8"))
        files.append(File.generated(config, page, content=relink(text, path)))
    return files


def on_page_markdown(markdown: str, page: object, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001  (MkDocs names what it passes)
    """Point links that leave docs/ at the pages of the site."""
    source = getattr(page, "file").src_uri  # noqa: B009
    return markdown if source in PAGES.values() else relink(markdown, f"docs/{source}")


def relink(markdown: str, path: str) -> str:
    """Return a page's text with its links as they are in the site.

    Parameters
    ----------
    markdown
        The text.
    path
        The page's own, in the repository.
    """

    def target(found: re.Match[str]) -> str:
        linked = posixpath.normpath(posixpath.join(posixpath.dirname(path), found["target"]))
        return PAGES.get(linked, linked.removeprefix("docs/"))

    return _LINK.sub(target, markdown)
