"""``python -m cxr_edge`` is ``cxr``."""

from cxr_edge.cli import app

app(prog_name="cxr")
