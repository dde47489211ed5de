"""The agreement of two specs: the parts that decide about a label must be the same."""

from cxr_edge.spec.model_spec import ModelSpec


def differences_in_meaning(
    wanted: ModelSpec, got: ModelSpec, *, channels: bool = True
) -> list[str]:
    """Return the parts in which a spec differs from that of the reference.

    The scaling may differ: it can be in the graph of one model only.

    Parameters
    ----------
    wanted
        Spec of the reference.
    got
        The other spec.
    channels
        Whether the number of channels must be the same.

    Returns
    -------
    list of str
        One clause for each part, with both values; empty where the specs agree.
    """
    theirs = _parts(got, channels=channels)
    return [
        f"{part}: {value} in the spec of the reference, {theirs[part]} in its own spec"
        for part, value in _parts(wanted, channels=channels).items()
        if value != theirs[part]
    ]


def size(spec: ModelSpec) -> tuple[int, int, str]:
    """Return rows, columns and recipe of a model's input."""
    return spec.input.height, spec.input.width, spec.input.recipe


def _parts(spec: ModelSpec, *, channels: bool) -> dict[str, object]:
    points = [f"{point.name} {point.threshold!r}" for point in spec.operating_points]
    return {
        "labels": ", ".join(spec.labels),
        "operating points": ", ".join(points),
        "default operating point": spec.default_operating_point,
        "input": "{}x{}, recipe {}".format(*size(spec)),
        **({"channels": spec.input.channels} if channels else {}),
    }
