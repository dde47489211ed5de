"""Evaluation on a labelled data set by its path: listed, checked, loaded and scored."""

from pathlib import Path

from cxr_edge.datasets.classes import require_known
from cxr_edge.datasets.image_set import load_images
from cxr_edge.datasets.listing import class_names, list_images, of_split
from cxr_edge.datasets.style_file import read_styles
from cxr_edge.evaluation.evaluate import Evaluation, evaluate_images
from cxr_edge.models.model import Model
from cxr_edge.pipeline.classifier import Classifier, not_opened
from cxr_edge.system.arguments import require_path, require_switch, require_text


def evaluate(
    model: Classifier | Model,
    data: str | Path,
    *,
    split: str | None = None,
    skip_unreadable: bool = False,
    copies: bool = False,
    counterfactual: bool = False,
    styles: str | Path | None = None,
) -> Evaluation:
    """Score labelled images, as ``cxr evaluate`` does.

    Parameters
    ----------
    model
        Opened model. Figures are given at every operating point of its spec.
    data
        Folder with two class folders, or with ``train``, ``val`` or ``test`` that have them; or a
        CSV manifest.
    split
        ``"train"``, ``"validation"``, ``"test"`` or ``"all"``; by default test where there is one,
        else validation, else all.
    skip_unreadable
        Leave files out that cannot be read, in place of an error.
    copies
        Score copies with other brightness, contrast, crop and exposure as well.
    counterfactual
        Score copies with markers and borders changed as well.
    styles
        The ``styles.csv`` of ``cxr audit DATA --styles DIR``, for figures by appearance.

    Returns
    -------
    Evaluation
        ``figures.auc``, ``figures.points`` (sensitivity and specificity with intervals) and the
        rest of ``evaluation.json`` by ``to_dict()``.

    Raises
    ------
    UsageError
        The model is not an opened one, or an argument is of another kind.
    DataError
        The data cannot be used, or its classes are not those of the model.
    ModelError
        The model gives no probabilities.
    """
    opened = model.model if isinstance(model, Classifier) else model
    if not isinstance(opened, Model):
        raise not_opened("model", model)
    path, labels = require_path("data", data), opened.spec.labels
    if split is not None:
        require_text("split", split)
    for name, switch in (
        ("skip_unreadable", skip_unreadable),
        ("copies", copies),
        ("counterfactual", counterfactual),
    ):
        require_switch(name, switch)
    table = None if styles is None else require_path("styles", styles)
    require_known(class_names(path), labels, path, opened.tag)
    chosen = of_split(list_images(path, labels), split)
    images = load_images(chosen, labels, opened.spec.input, skip_unreadable=skip_unreadable)
    clusters = read_styles(table, images) if table else None
    return evaluate_images(
        opened, images, copies=copies, counterfactual=counterfactual, styles=clusters
    )
