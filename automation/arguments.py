"""Arguments of the typed API: a wrong one raises one of its errors, before anything is opened."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Sequence
from typing import Annotated, ParamSpec, TypeVar

from pydantic import AfterValidator, ConfigDict, Field, ValidationError, validate_call

from .errors import ConfigurationError

Parameters = ParamSpec("Parameters")
Value = TypeVar("Value")

LONGEST = 100
"""Characters of a stack's or a project's name (pulumi/sdk, go/common/tokens/stack_name.go)."""


def name_part(text: str) -> str:
    """A name as Pulumi takes it, which is no option of a command either."""
    if not re.fullmatch(r"[A-Za-z0-9_.][A-Za-z0-9_.-]*", text) or set(text) == {"."} or len(text) > LONGEST:
        raise ValueError(f"must be at most {LONGEST} letters, digits, '_', '-' and '.', not beginning with '-'")
    return text


def stack_name(text: str) -> str:
    """A stack's name, with its organization and project before it where the backend has those."""
    parts = text.split("/")
    if len(parts) > 3:
        raise ValueError("must be a stack's name, or <organization>/<project>/<stack>")
    for part in parts:
        name_part(part)
    return text


StackName = Annotated[str, AfterValidator(stack_name)]
ProjectName = Annotated[str, AfterValidator(name_part)]
Text = Annotated[str, Field(min_length=1)]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]


def check_arguments(function: Callable[Parameters, Value]) -> Callable[Parameters, Value]:
    """Check a function's arguments by their annotations before it is called.

    Raises:
        ConfigurationError: names the argument and what it must be; the value, which may be a secret, is not repeated.
    """
    config = ConfigDict(strict=True, arbitrary_types_allowed=True, defer_build=True)
    validator = validate_call(config=config)(function)
    parameters = list(inspect.signature(function).parameters)

    @functools.wraps(function)
    def call(*arguments: Parameters.args, **keywords: Parameters.kwargs) -> Value:
        try:
            return validator(*arguments, **keywords)
        except ValidationError as error:
            if error.title != function.__name__ and not error.title.endswith(function.__qualname__):
                raise
            mistakes = error.errors(include_url=False, include_input=False)
            problems = tuple(dict.fromkeys(problem(parameters, mistake["loc"], mistake["msg"]) for mistake in mistakes))
            raise ConfigurationError("; ".join(problems), problems=problems) from None

    return call


def problem(parameters: Sequence[str], place: Sequence[int | str], message: str) -> str:
    """One finding of pydantic in words; an argument without a name is named by its position."""
    name = parameters[place[0]] if isinstance(place[0], int) and place[0] < len(parameters) else place[0]
    return f"argument {name}: {message.removeprefix('Value error, ').replace('Input should be', 'must be')}"
