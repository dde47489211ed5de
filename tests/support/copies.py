"""Names of the changed copies that an evaluation scores."""

from cxr_edge.evaluation.shifts import CLEAN, OTHER_CLASS_EXPOSURE, POSITIVE_EXPOSURE

COPIES = (
    CLEAN,
    "darker by 30 levels",
    "brighter by 30 levels",
    "contrast x 0.7",
    "contrast x 1.3",
    "gamma 0.7",
    "gamma 1.4",
    "cropped to 85 %",
    "JPEG quality 30",
    OTHER_CLASS_EXPOSURE,
    POSITIVE_EXPOSURE,
)
"""In the order of their scoring."""
