"""The check that a model gives heat maps."""

from cxr_edge.errors import ModelInvalid
from cxr_edge.models.batch_size import drawn_images
from cxr_edge.models.model import Model


def require_maps(model: Model) -> None:
    """Raise where a model that was asked for heat maps gives none for a drawn image.

    Raises
    ------
    ModelInvalid
        It gives none.
    ModelError
        The runtime failed.
    """
    if model.runtime.run(drawn_images(model.spec.input, 1)).maps is None:
        raise ModelInvalid(
            f"expected a model with a heat map, {model.spec.name} has none; export it again with "
            "'cxr export', which adds one to every network that ends in global average pooling and "
            "one dense unit"
        )
