"""The user's own objects, named as ``module:name`` on a command line, in a recipe or in a registered id."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from inspect import Parameter, signature
from pathlib import Path
from typing import Any

from rao_gym.errors import InvalidValueError, RaoError, unknown_name


def find_modules_here() -> None:
    """Let modules in the working directory be imported, as ``python -m`` does."""
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)


def load_object(path: str) -> Any:
    """Import what ``module:name`` names.

    Raises:
        InvalidValueError: The module cannot be imported, or has nothing of that name in it.
    """
    module, _, name = path.partition(":")
    try:
        return getattr(import_module(module), name)
    except Exception as error:  # a user's module may raise anything while it is imported
        raise InvalidValueError(f"Cannot import {path!r}: {_reason(error)}.") from error


def build_part(what: str, path: str, options: Mapping[str, Any]) -> Any:
    """Return a part of the user's own: a class is called with `options`, any other object is used as it is.

    Args:
        what: What the part is, for messages, such as ``"curriculum"``.
        path: ``module:name``; the module may lie in the working directory.
        options: Keyword arguments of the class.

    Raises:
        InvalidValueError: It cannot be imported or built, or it takes no options at all.
        UnknownNameError: The class takes no such option.
    """
    find_modules_here()
    part = load_object(path)
    if isinstance(part, type):
        return _construct(what, path, part, options)
    if options:
        raise unknown_name(f"option of {what} {path}", next(iter(options)), ())
    return part


def check_methods(what: str, path: str, part: Any, methods: Sequence[str]) -> None:
    """Check that a part offers what will be called, when a run is set up and not hours later.

    Raises:
        InvalidValueError: A method is missing.
    """
    for name in methods:
        if not callable(getattr(part, name, None)):
            raise InvalidValueError(f"{what} {path!r} has no method {name!r}; it needs {', '.join(methods)}.")


def check_takes(what: str, path: str, part: Any, *names: str) -> None:
    """Check that `part` can be called with so many positional arguments; `names` say what they are.

    Raises:
        InvalidValueError: It cannot.
    """
    try:
        signature(part).bind(*names)
    except TypeError as error:
        raise InvalidValueError(f"{what} {path!r} must be callable with ({', '.join(names)}): {error}.") from error
    except ValueError:
        return  # built in C, without a signature


def _construct(what: str, path: str, cls: type[Any], options: Mapping[str, Any]) -> Any:
    """Call a class with options."""
    parameters = signature(cls).parameters
    if not any(parameter.kind is Parameter.VAR_KEYWORD for parameter in parameters.values()):
        for name in options:
            if name not in parameters:
                raise unknown_name(f"option of {what} {path}", name, parameters)
    try:
        return cls(**options)
    except RaoError:
        raise
    except Exception as error:
        raise InvalidValueError(f"{what} {path!r} cannot be built: {_reason(error)}.") from error


def _reason(error: Exception) -> str:
    """Return what went wrong in one line; messages of imports speak for themselves."""
    message = " ".join(str(error).split()).rstrip(".")
    return message if isinstance(error, ImportError | AttributeError) else f"{type(error).__name__}: {message}"
