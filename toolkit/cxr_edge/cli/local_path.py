"""Paths of this machine: the type of every path of a command that is not read elsewhere."""

from typing import Any, Final

from typer.models import TyperPath

from cxr_edge.cli.existing import named
from cxr_edge.cli.path_text import PathText
from cxr_edge.errors import UsageError
from cxr_edge.storage.place import address_in, without_file_scheme

_MODELS: Final = ("MODEL", "PACKAGE")
"""Words of the help for text that may be the path of a model."""

_TO_A_BUCKET: Final = "into a bucket go shards: --shards s3://BUCKET/FOLDER, in place of --out"

_COPY: Final = "copy it to this machine first, or write here and copy it there"


class LocalPath(TyperPath):
    """A path, or the name of a model, that is no address: a Path makes ``s3:/a`` of ``s3://a``."""

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:  # Any: as typer has them
        """Return the path; raises UsageError for an address."""
        path = without_file_scheme(str(value))
        if address := address_in(path):
            others = ctx.command.params if ctx and "--out" in param.opts else ()
            to_a_bucket = any("--shards" in other.opts for other in others)
            raise UsageError(
                f"{named(param)}: expected a path of this machine, got {address}; "
                f"{_TO_A_BUCKET if to_a_bucket else _COPY}"
            )
        return super().convert(path, param, ctx)


def take_local_paths(parameters: list[Any]) -> None:
    """Give the type to the parameters of a command that are paths, but not those of PathText."""
    for parameter in parameters:
        its = parameter.type
        if isinstance(its, TyperPath) and its.type is not PathText:
            parameter.type = LocalPath(path_type=its.type)
        elif parameter.metavar in _MODELS and its.name == "str":
            parameter.type = LocalPath(readable=False, path_type=str)
            parameter.type.name = its.name  # in the help: 'default' is no path
