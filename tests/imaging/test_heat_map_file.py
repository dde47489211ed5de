"""The place of an image's heat map."""

import os
from pathlib import Path

from cxr_edge.imaging.heat_map_file import heat_map_path


def test_images_that_differ_in_their_suffix_have_heat_maps_of_their_own() -> None:
    """The whole path is kept, and always lies in the folder."""
    folder = Path("maps")
    assert heat_map_path(folder, "ward/a.dcm") == Path("maps/ward/a.dcm.png")
    assert heat_map_path(folder, "ward/a.png") == Path("maps/ward/a.png.png")
    assert heat_map_path(folder, "/etc/a") == Path("maps/etc/a.png")


def test_a_name_may_be_as_long_as_names_can_be() -> None:
    """What is cut off is told apart by its digest."""
    names = [f"ward/{'n' * 250}{end}.dcm" for end in "ab"]
    found = {heat_map_path(Path("maps"), name) for name in names}
    assert len(found) == 2
    assert all(len(os.fsencode(path.name)) <= 240 for path in found)
