"""Flags for images that are small, or far from square."""

from typing import Final

from cxr_edge.imaging.image import SourceFacts

_STRETCH: Final = 2.0


def with_shape_flags(facts: SourceFacts, target: tuple[int, int]) -> SourceFacts:
    """Return the facts with the flags ``small`` and ``stretched`` where they hold."""
    flags = set(facts.flags)
    if facts.height < target[0] or facts.width < target[1]:
        flags.add("small")
    if max(facts.height, facts.width) > _STRETCH * min(facts.height, facts.width):
        flags.add("stretched")
    return SourceFacts(facts.width, facts.height, facts.format, tuple(sorted(flags)))
