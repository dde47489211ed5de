"""Schemes of addresses that fsspec reaches."""

from collections.abc import Mapping
from typing import Final

S3: Final = "s3"
"""Scheme of S3 and of what speaks its language."""

BROUGHT_BY: Final[Mapping[str, str]] = {S3: "s3fs", "gs": "gcsfs", "az": "adlfs", "abfs": "adlfs"}
"""Package that brings the storage of each scheme; that of S3 is in the extra ``cloud``."""
