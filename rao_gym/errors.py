"""The errors of this package: one root, whose kinds also inherit the matching built-in.

What a *policy* does wrong is never an error here: it costs a turn and is answered in the transcript.
These errors are for the people who write code, options and files.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class RaoError(Exception):
    """Root of every error that this package raises on purpose."""


class UnknownNameError(RaoError, ValueError):
    """A name (an id, a kind, an option, a policy) that is not one of the valid ones."""


class InvalidValueError(RaoError, ValueError):
    """A value of a known option that is out of range or of the wrong type."""


class WindowTooSmallError(InvalidValueError):
    """A window that cannot hold the messages with which a task opens."""


class MissingFileError(RaoError, FileNotFoundError):
    """A file that is not there or cannot be read."""


class FileFormatError(RaoError, ValueError):
    """A file whose contents are not what was expected; the message names the line."""


class UntrustedFileError(RaoError, PermissionError):
    """A file that names code to import or a server to contact, which happens only when its reader says so."""


class MissingExtraError(RaoError, ImportError):
    """Something that an optional extra of this package brings, which is not installed."""


class FamilyError(RaoError, TypeError):
    """A task family whose method returned what the contract does not allow; the message names both."""


class UsageError(RaoError, RuntimeError):
    """A call that is not allowed in the present state, such as acting for a node that has ended."""


class PolicyError(RaoError, RuntimeError):
    """A policy that cannot act at all: it raised, or it broke its protocol."""


class ServerError(PolicyError, ConnectionError):
    """A model server that could not be reached, or that kept failing."""


def unknown_name(what: str, name: object, valid: Iterable[str]) -> UnknownNameError:
    """Build the error for an unknown name, with the nearest valid one.

    Args:
        what: What the name should have been, such as ``"environment id"``.
        name: The name as given.
        valid: The names that would have been accepted.

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
"""Names are compared and repeated up to this length; nothing that is longer was meant as one."""


def shortened(name: str) -> str:
    """Return a name as an error message repeats it."""
    return name if len(name) <= MAX_NAME_CHARS else f"{name[:MAX_NAME_CHARS]}..."


def nearest(name: str, valid: Iterable[str]) -> str | None:
    """Return the valid name that looks most like `name`, or None when none comes close."""
    if len(name) > MAX_NAME_CHARS:
        return None
    by_folded = {choice.casefold(): choice for choice in valid}
    matches = get_close_matches(name.casefold(), by_folded, n=1, cutoff=0.5)
    return by_folded[matches[0]] if matches else None


def reason_of(error: BaseException) -> str:
    """Return the system's words for an error, or the first line of its own."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
