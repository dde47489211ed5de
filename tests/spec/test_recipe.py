"""The preprocessing recipes."""

import dataclasses

from cxr_edge.spec.recipe import CXR_1


def test_every_field_of_the_recipe_changes_its_digest() -> None:
    """No part of preprocessing can change unnoticed."""
    for field in dataclasses.fields(CXR_1):
        value = getattr(CXR_1, field.name)
        changed = dataclasses.replace(CXR_1, **{field.name: value * 2})
        assert changed.digest != CXR_1.digest


def test_the_recipe_digest_is_pinned() -> None:
    """Reports of earlier versions stay comparable: cxr-1 is what it was."""
    assert CXR_1.digest == "099eaf23b71fef0bfad35b71c7d543cf8e8e1107cb42d38cf3d537fea350c926"
