"""The one rule for where the heat map of an image is, written there or looked up."""

from pathlib import Path


def heat_map_path(folder: Path, path: str) -> Path:
    """Return the PNG file of an image's heat map: ``folder/ward/a.dcm.png`` for ``ward/a.dcm``.

    Parameters
    ----------
    folder
        Folder of the heat maps.
    path
        Path of the image in the report, before it was made printable.
    """
    return folder / f"{path.lstrip('/')}.png"
