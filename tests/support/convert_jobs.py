"""Conversions for tests, under a key that every test knows."""

from pathlib import Path

from cxr_edge.jobs.convert_job import ConvertJob

KEY = bytes(range(32))


def convert_job(images: Path, folder: Path) -> ConvertJob:
    """Return a conversion of images into ``out``, with mapping and key beside it."""
    (folder / "key").write_bytes(KEY)
    return ConvertJob(images, folder / "out", folder / "out.mapping.csv", folder / "key")
