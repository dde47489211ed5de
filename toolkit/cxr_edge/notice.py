"""The research-use notice."""

from typing import Final

NOTICE: Final = (
    "Research use only, not a diagnosis. The default model was trained on paediatric images of "
    "one hospital; such models were seen to fall from AUC 0.95 to 0.54 on another hospital's "
    "images (Xin et al. 2021)."
)
"""Stands in every manifest and under every summary."""
