"""Options in groups: dataclasses in the signature of a command."""

import dataclasses
import functools
import inspect
from collections.abc import Callable
from typing import Any, Final, get_type_hints


def with_option_groups(command: Callable[..., None]) -> Callable[..., None]:
    """Show typer the fields of dataclass parameters as options of their own.

    Parameters
    ----------
    command
        A command; some of its parameters are dataclasses whose fields are annotated as options.

    Returns
    -------
    callable
        The command as typer is to see it; it builds the dataclasses from the options.
    """
    groups: dict[str, type] = {}
    parameters: dict[str, inspect.Parameter] = {}
    hints = get_type_hints(command, include_extras=True)
    for name, parameter in inspect.signature(command).parameters.items():
        if isinstance(hints[name], type) and dataclasses.is_dataclass(hints[name]):
            groups[name] = hints[name]
            parameters |= _options(hints[name])
        else:
            parameters[name] = parameter.replace(annotation=hints[name], kind=_KIND)

    @functools.wraps(command)
    def call(**values: Any) -> None:  # Any: whatever types the options have
        for name, group in groups.items():
            names = [field.name for field in dataclasses.fields(group)]
            values[name] = group(**{option: values.pop(option) for option in names})
        command(**values)

    signature = inspect.Signature(list(parameters.values()))
    vars(call)["__signature__"] = signature
    call.__annotations__ = {name: one.annotation for name, one in parameters.items()}
    return call


_KIND: Final = inspect.Parameter.KEYWORD_ONLY


def _options(group: type) -> dict[str, inspect.Parameter]:
    hints = get_type_hints(group, include_extras=True)
    found = {}
    for field in dataclasses.fields(group):
        required = field.default is dataclasses.MISSING
        found[field.name] = inspect.Parameter(
            field.name,
            _KIND,
            default=inspect.Parameter.empty if required else field.default,
            annotation=hints[field.name],
        )
    return found
