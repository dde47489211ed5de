"""The error tree."""

import inspect

from cxr_edge import errors
from cxr_edge.errors import REASONS, CxrError, ImageError


def kinds(root: type[CxrError]) -> list[type[CxrError]]:
    return [root, *(kind for child in root.__subclasses__() for kind in kinds(child))]


def test_the_docstring_draws_the_whole_tree() -> None:
    """Every error class, and every reason, stands in the module's docstring."""
    drawn = inspect.getdoc(errors) or ""
    own = [kind for kind in kinds(CxrError) if kind.__module__ == errors.__name__]
    assert len(own) > 20
    for kind in own:
        assert kind.__name__ in drawn
    for reason in REASONS:
        assert reason in drawn


def test_each_image_error_has_a_reason_of_its_own() -> None:
    """A reason names one error class, so that a report's reader can rely on it."""
    classes = kinds(ImageError)[1:]
    assert len({kind.reason for kind in classes}) == len(classes) == len(REASONS)  # type: ignore[attr-defined]
