"""The errors of this package: one root, whose kinds also inherit the matching built-in.

Policy output never raises one of these: a malformed action costs a turn and returns a message in the transcript.
These errors are for the people who write code, options and files.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class RaoError(Exception):
    """Base class of every error that this package raises on purpose."""


class UnknownNameError(RaoError, ValueError):
    """An unknown name: of an environment, a kind, an option, a policy."""


class InvalidValueError(RaoError, ValueError):
    """An option's value that is out of range or of the wrong type."""


class WindowTooSmallError(InvalidValueError):
    """A window that cannot hold the messages with which a task opens."""


class MissingFileError(RaoError, FileNotFoundError):
    """A file that does not exist or cannot be read."""


class FileFormatError(RaoError, ValueError):
    """A file with malformed contents; the message names the line."""


class UntrustedFileError(RaoError, PermissionError):
    """A file that names code to import or a server to contact, without the caller's consent."""


class MissingExtraError(RaoError, ImportError):
    """A feature whose optional extra is not installed."""


class FamilyError(RaoError, TypeError):
    """A task family's method that broke its contract; the message names the family and the method."""


class UsageError(RaoError, RuntimeError):
    """A call that is not allowed in the current state, such as acting for a node that has ended."""


class PolicyError(RaoError, RuntimeError):
    """A policy that raised or broke its protocol."""


class ServerError(PolicyError, ConnectionError):
    """A model server that could not be reached or kept failing."""


def unknown_name(what: str, name: object, valid: Iterable[str]) -> UnknownNameError:
    """Build the error for an unknown name, with the nearest valid one.

    Args:
        what: What the name stands for, such as ``"environment id"``.
        name: The unknown name.
        valid: The valid names.

    Returns:
        An error whose message is one line.
    """
    choices = list(valid)
    hint = nearest(str(name), choices)
    suggestion = f"Did you mean {hint!r}? " if hint else ""
    return UnknownNameError(
        f"Unknown {what} {shortened(str(name))!r}. {suggestion}Valid: {', '.join(choices) or 'none'}."
    )


MAX_NAME_CHARS = 80
"""Names are compared and shown up to this length; anything longer was not meant as a name."""


def shortened(name: str) -> str:
    """Return a name, shortened for an error message."""
    return name if len(name) <= MAX_NAME_CHARS else f"{name[:MAX_NAME_CHARS]}..."


def nearest(name: str, valid: Iterable[str]) -> str | None:
    """Return the valid name most similar to `name`; None if none is close."""
    if len(name) > MAX_NAME_CHARS:
        return None
    by_folded = {choice.casefold(): choice for choice in valid}
    matches = get_close_matches(name.casefold(), by_folded, n=1, cutoff=0.5)
    return by_folded[matches[0]] if matches else None


def reason_of(error: BaseException) -> str:
    """Return the system's message for an error, or else the first line of its own."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
