"""The text of a path that may lead to another machine."""


class PathText(str):
    """Text of a path as it was given: a Path makes ``s3:/films`` of ``s3://films``.

    An argument of this type has ``path_type`` too, so that a shell completes paths.
    """

    __slots__ = ()
