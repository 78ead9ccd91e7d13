"""Load the user's own objects, named as ``module:name`` on the command line, in a recipe or in a registered id."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from inspect import Parameter, signature
from pathlib import Path
from typing import Any

from rao_gym.errors import InvalidValueError, RaoError, unknown_name


def find_modules_here() -> None:
    """Make modules in the working directory importable, as ``python -m`` does."""
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)


def load_object(path: str) -> Any:
    """Import the object that ``module:name`` names.

    Raises:
        InvalidValueError: The module cannot be imported, or has nothing of that name in it.
    """
    module, _, name = path.partition(":")
    try:
        return getattr(import_module(module), name)
    except Exception as error:  # a user's module may raise anything while it is imported
        raise InvalidValueError(f"Cannot import {path!r}: {_reason(error)}.") from error


def build_part(what: str, path: str, options: Mapping[str, Any]) -> Any:
    """Return one of the user's own parts: a class is instantiated with `options`, any other object returned as is.

    Args:
        what: What the part is, for messages, such as ``"curriculum"``.
        path: ``module:name``; the module may be in the working directory.
        options: Keyword arguments of the class.

    Raises:
        InvalidValueError: It cannot be imported or built, or it takes no options at all.
        UnknownNameError: The class has no such option.
    """
    find_modules_here()
    part = load_object(path)
    if isinstance(part, type):
        return _construct(what, path, part, options)
    if options:
        raise unknown_name(f"option of {what} {path}", next(iter(options)), ())
    return part


def check_methods(what: str, path: str, part: Any, methods: Sequence[str]) -> None:
    """Check that a part has the methods that will be called, so that a run fails at its start rather than hours later.

    Raises:
        InvalidValueError: A method is missing.
    """
    for name in methods:
        if not callable(getattr(part, name, None)):
            raise InvalidValueError(f"{what} {path!r} has no method {name!r}; it needs {', '.join(methods)}.")


def check_takes(what: str, path: str, part: Any, *names: str) -> None:
    """Check that `part` can be called with these positional arguments; `names` describe them in the message.

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
    """Instantiate a class with options."""
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
    """Return the reason in one line; messages of import errors need no type."""
    message = " ".join(str(error).split()).rstrip(".")
    return message if isinstance(error, ImportError | AttributeError) else f"{type(error).__name__}: {message}"
