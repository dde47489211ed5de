"""The research-use notice."""

from typing import Final

RESEARCH_USE: Final = "Research use only, not a diagnosis."

CAUTION: Final = (
    "Models trained on one hospital's chest X-rays were seen to fall from AUC 0.95 to 0.54 on "
    "another hospital's images (Xin et al. 2021)."
)
"""The measurement that every reader of figures should know."""

NOT_STATED: Final = "not stated"
"""Description of a training set that nobody described."""


def notice(model: str, data: str = "", images: int = 0) -> str:
    """Return the notice that stands in every manifest and under every summary.

    Parameters
    ----------
    model
        Name of the model in use.
    data
        Description of its training set; empty or :data:`NOT_STATED` where it is unknown.
    images
        Count of the training images; 0 where it is unknown.
    """
    if data not in ("", NOT_STATED):
        trained = f"The model {model} was trained on: {data.rstrip('.')}."
    elif images:
        trained = f"The model {model} was trained on {images} images that are not described."
    else:
        trained = f"It is not known what the model {model} was trained on."
    return f"{RESEARCH_USE} {trained} {CAUTION}"
