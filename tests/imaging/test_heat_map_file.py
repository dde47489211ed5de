"""The place of an image's heat map."""

from pathlib import Path

from cxr_edge.imaging.heat_map_file import heat_map_path


def test_images_that_differ_in_their_suffix_have_heat_maps_of_their_own() -> None:
    """The whole path is kept, and always lies in the folder."""
    folder = Path("maps")
    assert heat_map_path(folder, "ward/a.dcm") == Path("maps/ward/a.dcm.png")
    assert heat_map_path(folder, "ward/a.png") == Path("maps/ward/a.png.png")
    assert heat_map_path(folder, "/etc/a") == Path("maps/etc/a.png")
