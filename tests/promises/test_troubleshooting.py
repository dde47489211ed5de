"""The page by error message: it knows every reason and exit code, and quotes what the code says."""

import ast
import re

import pytest
from fakes import ROOT

from cxr_edge.errors import REASONS, ExitCode

PAGE = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
ROWS = [line.split(" | ") for line in PAGE.splitlines() if line.startswith("| `")]
QUOTED = [row[0].removeprefix("| `").rstrip("`") for row in ROWS]
MESSAGES = [message for message in QUOTED if message not in REASONS]


def test_every_reason_has_a_remedy() -> None:
    """Each code that a failed row can have stands on the page, with a cause and what to do."""
    remedies = {row[0].strip("| `"): row[1:] for row in ROWS}
    assert remedies.keys() >= REASONS
    assert all(len(remedies[reason]) == 2 for reason in REASONS)


def test_every_exit_code_is_explained() -> None:
    """Each code with which a command can end stands on the page."""
    for code in ExitCode:
        assert re.search(rf"^\| {code.value} \|", PAGE, re.MULTILINE), code


@pytest.fixture(scope="module")
def spoken() -> str:
    """Every string of both packages, those of one expression put together."""
    texts = []
    for root in (ROOT / "toolkit", ROOT / "export"):
        for path in root.rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.JoinedStr):
                    parts = [p.value if isinstance(p, ast.Constant) else "…" for p in node.values]
                    texts.append("".join(map(str, parts)))
                elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                    texts.append(node.value)
    return "\n".join(texts)


@pytest.mark.parametrize("message", MESSAGES)
def test_a_quoted_message_is_one_that_is_printed(message: str, spoken: str) -> None:
    """A reader who searches the page for an error finds the words that the code prints."""
    pattern = ".*".join(re.escape(part.strip()) for part in message.split("…"))
    assert re.search(pattern, spoken), message
