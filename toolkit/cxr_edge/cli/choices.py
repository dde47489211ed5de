"""Choices that several commands offer, as typer shows, checks and completes them."""

from enum import StrEnum


class RuntimeName(StrEnum):
    """Runtime: ``auto``, or a key of :data:`cxr_edge.models.registry.RUNTIMES`."""

    AUTO = "auto"
    ONNX = "onnx"
    LITERT = "litert"
    OPENVINO = "openvino"


class DeviceName(StrEnum):
    """Device: one of :data:`cxr_edge.runtimes.providers.DEVICES`."""

    AUTO = "auto"
    CPU = "cpu"
    TENSORRT = "tensorrt"
    CUDA = "cuda"
    ROCM = "rocm"
    COREML = "coreml"
    OPENVINO = "openvino"
    XNNPACK = "xnnpack"


class ReportFormat(StrEnum):
    """Format of a report: CSV, or a suffix of :data:`cxr_edge.jobs.tables.TABLES`."""

    CSV = "csv"
    JSONL = "jsonl"
    PARQUET = "parquet"


class EngineName(StrEnum):
    """Engine: the names of :mod:`cxr_edge.jobs.scan_engine`."""

    THREADS = "threads"
    RAY = "ray"


class ShardFormatName(StrEnum):
    """Format of shards: one of :class:`cxr_edge.reports.shard_rows.ShardFormat`."""

    CSV = "csv"
    PARQUET = "parquet"
