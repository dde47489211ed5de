"""Sentences on the images and heat maps that a page does not have."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from cxr_edge.imaging.heat_map_file import heat_map_path
from cxr_edge.reports.html.album import Album
from cxr_edge.reports.html.pictures import CHANGED, NOT_FOUND, NOT_READABLE, REPLACED
from cxr_edge.reports.html.worklist import Group, Worklist
from cxr_edge.system.plural import counted


def missing_images(album: Album, worklist: Worklist, given: Sequence[str | Path]) -> Iterator[str]:
    """Yield a sentence on the images without a picture, for each of the reasons.

    Parameters
    ----------
    album
        Pictures of the page.
    worklist
        Rows of the page.
    given
        Folders and files of ``--images``.
    """
    folders = ", ".join(map(str, given))
    option = "--images, which names the folder that was scanned, where it is now"
    few = "the first " if album.images < worklist.counts.ok else ""
    for problem, count in album.problems.items():
        was, has, are, scanned = (
            ("was", "has", "is", "it was scanned")
            if count == 1
            else ("were", "have", "are", "they were scanned")
        )
        where, helps = (f"in {folders}", "check") if given else (f"where {scanned}", "give")
        again = f"check {option}, or scan again" if given else "scan again"
        found = {
            NOT_FOUND: f"{was} not found {where}: {helps} {option}",
            CHANGED: f"{has} changed since {scanned}: {again}",
            REPLACED: f"{was} replaced by later files at their paths, which have rows of their own"
            if count > 1
            else f"{was} replaced by a later file at its path, which has a row of its own",
            NOT_READABLE: f"{are} not readable: each opened row says why",
        }[problem]
        yield f"{count} of {few}{counted(album.images, 'image', 'images')} {found}."


def missing_heat_maps(album: Album, worklist: Worklist, folder: Path | None) -> Iterator[str]:
    """Yield a sentence on a folder of heat maps of which none is shown.

    Parameters
    ----------
    album
        Pictures of the page.
    worklist
        Rows of the page.
    folder
        Folder of heat maps; None without one.
    """
    if folder is None or album.heat_maps or album.images == album.problems.total():
        return
    if not any(folder.rglob("*.png")):
        yield (
            f"{folder} has no heat maps: 'cxr scan --heatmaps' draws those of images over the "
            "threshold, unless --heatmaps-for asks for others."
        )
        return
    example = next(row.path for row in worklist.rows if row.group != Group.FAILED)
    there = counted(album.unfit_heat_maps, "is there, and is", "are there, and are")
    yield (
        f"No heat map in {folder} fits an image on this page (that of {example} would be "
        f"{heat_map_path(folder, example)}"
        + (f"; {there} of something else or damaged)." if album.unfit_heat_maps else ").")
    )
