"""``python -m cxr_edge`` is ``cxr``."""

from cxr_edge.cli.entry import main

main()
