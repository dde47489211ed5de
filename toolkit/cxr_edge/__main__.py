"""``python -m cxr_edge`` is ``cxr``."""

from cxr_edge.supervise import main

main()
