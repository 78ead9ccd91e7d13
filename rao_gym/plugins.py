"""Load the user's own objects, named as ``module:name`` on the command line, in a recipe or in a registered id."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
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


def check_part(what: str, name: str, built_in: Sequence[str], options: Mapping[str, Any]) -> None:
    """Check the name of a part and that a built-in one is given no options, which it would ignore.

    Raises:
        UnknownNameError: There is no such part.
        InvalidValueError: A built-in part is given options.
    """
    if ":" in name:
        return
    if name not in built_in:
        raise unknown_name(what, name, [*built_in, "module:name"])
    if options:
        raise InvalidValueError(f"options are for {what} module:name; {name!r} takes none, got {', '.join(options)}.")


def build_part(what: str, path: str, options: Mapping[str, Any], *arguments: Any) -> Any:
    """Return a part of the user's own.

    A class is instantiated with `arguments` and `options`; a function is called if there are arguments. Anything else
    is returned as is.

    Args:
        what: What the part is, for messages, such as ``"curriculum"``.
        path: ``module:name``; the module may be in the working directory.
        options: Keyword arguments of the class.
        *arguments: What every part of this kind is made from.

    Raises:
        InvalidValueError: It cannot be imported or built, or it takes no options at all.
        UnknownNameError: The class has no such option.
    """
    find_modules_here()
    part = load_object(path)
    if isinstance(part, type) or arguments:
        return _construct(what, path, part, options, arguments)
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


def _construct(
    what: str, path: str, make: Callable[..., Any], options: Mapping[str, Any], arguments: Sequence[Any]
) -> Any:
    """Call a class, or a function that makes a part."""
    parameters = signature(make).parameters
    if not any(parameter.kind is Parameter.VAR_KEYWORD for parameter in parameters.values()):
        for name in options:
            if name not in parameters:
                raise unknown_name(f"option of {what} {path}", name, parameters)
    try:
        return make(*arguments, **options)
    except RaoError:
        raise
    except Exception as error:
        raise InvalidValueError(f"{what} {path!r} cannot be built: {_reason(error)}.") from error


def _reason(error: Exception) -> str:
    """Return the reason in one line; messages of import errors need no type."""
    message = " ".join(str(error).split()).rstrip(".")
    return message if isinstance(error, ImportError | AttributeError) else f"{type(error).__name__}: {message}"
