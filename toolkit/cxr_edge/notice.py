"""The research-use notice."""

from typing import Final

RESEARCH_USE: Final = "Research use only, not a diagnosis."

_FALL: Final = (
    "were seen to fall from AUC 0.95 to 0.54 on another hospital's images (Xin et al. 2021)."
)

CAUTION: Final = f"Models trained on one hospital's chest X-rays {_FALL}"
"""The measurement that every reader of figures should know."""

NOT_STATED: Final = "not stated"
"""Description of a training set that nobody described."""

_KNOWN: Final = {
    "c65a580ec33210c670f563c195f9128240cd4a02f7c90004dc83cdb1d1f13543": (
        f"was trained on paediatric images of one hospital; such models {_FALL}"
    )
}
"""Digest of a training set to what is known of it; this is that of the default model."""


def notice(model: str, data: str = "", data_sha256: str = "", images: int = 0) -> str:
    """Return the notice that stands in every manifest and under every summary.

    Parameters
    ----------
    model
        Name of the model in use.
    data
        Description of its training set; empty or :data:`NOT_STATED` where it is unknown.
    data_sha256
        Digest of its training set; empty where it is unknown.
    images
        Count of the training images; 0 where it is unknown.
    """
    if known := _KNOWN.get(data_sha256):
        return f"{RESEARCH_USE} The model {model} {known}"
    if data not in ("", NOT_STATED):
        trained = f"The model {model} was trained on: {data.rstrip('.')}."
    elif images:
        trained = f"The model {model} was trained on {images} images that are not described."
    else:
        trained = f"It is not known what the model {model} was trained on."
    return f"{RESEARCH_USE} {trained} {CAUTION}"
