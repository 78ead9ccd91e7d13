"""Failures of requests, and which of them are transient."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from rao_gym.errors import ServerError

_PASSING_STATUSES = frozenset({408, 409, 425, 429})
_SPENT_CODES = frozenset({"insufficient_quota", "billing_hard_limit_reached"})
_OVERFLOW_CODES = frozenset({"context_length_exceeded", "exceed_context_size_error", "context_window_exceeded"})
_OVERFLOW_WORDS = re.compile(
    r"maximum context length|maximum model length|max_model_len|context.?length.?exceeded|context.?window.?exceeded"
    r"|exceeds? the (available|maximum) context|exceeds? the model'?s (maximum )?context"
    r"|longer than the model'?s context"
    r"|input tokens exceed|input token count .*exceeds|prompt is too long|input is too long"
    r"|`?inputs`? must have less than \d+ tokens|`?inputs`? tokens \+ `?max_new_tokens`? must be",
    re.IGNORECASE,
)
_LIMIT_ALONE = re.compile(r"too large: (\d+).*?maximum context length is (\d+)", re.IGNORECASE | re.DOTALL)
_SHOWN_CHARS = 300


class PassingError(Exception):
    """A transient failure; the request is retried.

    Attributes:
        retry_after_s: Seconds that the server asked to wait.
    """

    def __init__(self, message: str, *, retry_after_s: float = 0.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class OverflowedError(Exception):
    """The prompt, with room for the completion, exceeds the model's context."""


def failure_of(status: int, document: Any, text: str, headers: Mapping[str, str], url: str) -> Exception:
    """Classify a failed response.

    Args:
        status: Its HTTP status; 200 if the server reports an error in an ordinary response.
        document: Its body as JSON; None if it is not JSON.
        text: Its body.
        headers: Its headers.
        url: The URL of the request.

    Returns:
        An `OverflowedError`, a `PassingError` if the failure is transient, or else a `ServerError`.
    """
    message, codes = _read_error(document)
    shown = " ".join((message or text).split())[:_SHOWN_CHARS]
    if codes & _OVERFLOW_CODES or _OVERFLOW_WORDS.search(message or text[:10_000]):
        alone = _LIMIT_ALONE.search(message)
        if alone is None or int(alone[1]) < int(alone[2]):
            return OverflowedError(shown)
    if status < 300:
        status = next((int(code) for code in codes if code.isdecimal() and 400 <= int(code) < 600), 500)
        described = f"an error in its response: {shown}" if shown else "an error in its response"
    else:
        described = f"HTTP {status} ({shown})" if shown else f"HTTP {status}"
    passes = status in _PASSING_STATUSES or status >= 500
    if passes and not codes & _SPENT_CODES:
        return PassingError(described, retry_after_s=retry_after(headers.get("Retry-After")))
    return ServerError(f"{url} refused the request: {described}.")


def retry_after(header: str | None) -> float:
    """Return the seconds that a ``Retry-After`` header asks for, given as seconds or a date."""
    if header is None:
        return 0.0
    try:
        seconds = float(header)
        return seconds if 0 <= seconds < float("inf") else 0.0
    except ValueError:
        pass
    try:
        date = parsedate_to_datetime(header)
    except ValueError:
        return 0.0
    return max(0.0, (date.replace(tzinfo=date.tzinfo or UTC) - datetime.now(UTC)).total_seconds())


def _read_error(document: Any) -> tuple[str, set[str]]:
    """Return the message and the codes of an error, in any of the forms that servers commonly use."""
    if not isinstance(document, dict):
        return "", set()
    error = document.get("error", document.get("detail", document))
    if isinstance(error, str):
        error = {"message": error, **{name: document[name] for name in ("code", "type") if name in document}}
    if not isinstance(error, dict):
        return "", set()
    codes = {str(error[name]) for name in ("code", "type", "error_type", "status") if error.get(name) is not None}
    message = error.get("message")
    return message if isinstance(message, str) else "", codes
