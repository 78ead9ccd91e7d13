"""Options of a model server: sampling, transport and prices, validated on creation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from rao_gym.errors import InvalidValueError
from rao_gym.limits import check_count, is_number

DEFAULT_BASE_URL = "https://api.openai.com/v1"

TRANSPORT_OPTIONS = frozenset(
    {
        *("base_url", "api_key_env", "organization", "extra_headers"),
        *("timeout_s", "max_retries", "backoff_s", "max_concurrency", "max_unanswered"),
        *("input_price", "output_price", "cached_input_price"),
    }
)
"""Options that affect how a model is reached and billed, but not its answers; a resumed run may change them."""

_RANGES = {
    "temperature": (0.0, inf),
    "top_p": (0.0, 1.0),
    "presence_penalty": (-2.0, 2.0),
    "frequency_penalty": (-2.0, 2.0),
    "timeout_s": (0.0, inf),
    "backoff_s": (0.0, inf),
    "input_price": (0.0, inf),
    "output_price": (0.0, inf),
    "cached_input_price": (0.0, inf),
}
_REQUIRED = ("timeout_s", "backoff_s")


@dataclass(frozen=True, kw_only=True)
class ServerOptions:
    """Options of a model server. Sampling options that are None are not sent; the server's defaults apply.

    Attributes:
        base_url: The server's URL; ``/chat/completions`` is appended to its path, before any query string.
        temperature: Sampling temperature.
        top_p: Nucleus sampling: the share of the probability mass to sample from.
        seed: Sampling seed.
        max_tokens: Most tokens of one reply.
        max_completion_tokens: The same, under the name that OpenAI's reasoning models take.
        stop: One or several strings that end a reply.
        presence_penalty: Penalty on tokens that have occurred, from -2 to 2.
        frequency_penalty: Penalty on tokens in proportion to how often they have occurred, from -2 to 2.
        extra_body: Anything else for the body of each request; its keys override the options above.
        extra_headers: Additional HTTP headers.
        api_key_env: The environment variable that holds the API key; if it is not set, no key is sent.
        organization: The ``OpenAI-Organization`` header.
        timeout_s: Seconds that one request may take, from its start to the last byte.
        max_retries: Number of retries after a transient failure.
        backoff_s: Seconds before the first retry; doubled each time, with jitter.
        max_concurrency: Requests in flight at once; vLLM batches 256 by default.
        max_unanswered: Turns in a row without an answer after which the run stops.
        input_price: Price of a million prompt tokens.
        output_price: Price of a million completion tokens.
        cached_input_price: Price of a million prompt tokens read from a cache; None means `input_price`.
    """

    base_url: str = DEFAULT_BASE_URL
    temperature: float | None = None
    top_p: float | None = None
    seed: int | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    stop: str | list[str] | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    extra_body: Mapping[str, Any] = field(default_factory=dict)
    extra_headers: Mapping[str, str] = field(default_factory=dict)
    api_key_env: str = "OPENAI_API_KEY"
    organization: str | None = None
    timeout_s: float = 120.0
    max_retries: int = 6
    backoff_s: float = 0.5
    max_concurrency: int = 256
    max_unanswered: int = 16
    input_price: float | None = None
    output_price: float | None = None
    cached_input_price: float | None = None

    def __post_init__(self) -> None:
        """Check every option.

        Raises:
            InvalidValueError: A value is out of range.
        """
        if not isinstance(self.base_url, str) or not _is_web_address(self.base_url):
            raise InvalidValueError(f"base_url must be a URL such as http://localhost:8000/v1, got {self.base_url!r}.")
        for name in ("max_tokens", "max_completion_tokens"):
            check_count(name, getattr(self, name), optional=True)
        check_count("seed", self.seed, minimum=0, optional=True)
        for name, minimum in (("max_retries", 0), ("max_concurrency", 1), ("max_unanswered", 1)):
            check_count(name, getattr(self, name), minimum=minimum)
        for name, (low, high) in _RANGES.items():
            _check_number(name, getattr(self, name), low, high, optional=name not in _REQUIRED)
        if self.timeout_s == 0:
            raise InvalidValueError("timeout_s must be above 0.")
        self._check_texts()

    @property
    def url(self) -> str:
        """The URL that requests are sent to; a query string of `base_url` is kept."""
        parts = urlsplit(self.base_url)
        return urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/chat/completions", fragment=""))

    def _check_texts(self) -> None:
        """Check the options that hold text."""
        stops = [self.stop] if isinstance(self.stop, str) else self.stop
        if stops is not None and not (isinstance(stops, list | tuple) and all(isinstance(text, str) for text in stops)):
            raise InvalidValueError(f"stop must be a string or a list of strings, got {self.stop!r}.")
        if not isinstance(self.extra_body, Mapping):
            raise InvalidValueError(f"extra_body must be a JSON object, got {self.extra_body!r}.")
        headers = self.extra_headers
        if not isinstance(headers, Mapping) or not all(_is_header(*item) for item in headers.items()):
            raise InvalidValueError("extra_headers must map header names to single lines of text.")
        if not isinstance(self.api_key_env, str):
            raise InvalidValueError(f"api_key_env must name an environment variable, got {self.api_key_env!r}.")
        if self.organization is not None and not _is_header("OpenAI-Organization", self.organization):
            raise InvalidValueError(f"organization must be a single line of text, got {self.organization!r}.")


def _check_number(name: str, value: Any, low: float, high: float, *, optional: bool) -> None:
    """Check that an option is a finite number in a range.

    Raises:
        InvalidValueError: It is not.
    """
    if value is None and optional:
        return
    if not is_number(value) or not low <= value <= high or value == inf:
        wanted = f"of at least {low:g}" if high == inf else f"from {low:g} to {high:g}"
        raise InvalidValueError(f"{name} must be a number {wanted}, got {value!r}.")


def _is_header(name: object, value: object) -> bool:
    """Tell whether a name and a value form a valid HTTP header."""
    return all(isinstance(text, str) and not set(text) & set("\r\n\0") for text in (name, value)) and bool(name)


def _is_web_address(text: str) -> bool:
    """Tell whether a text is an http or https URL with a host."""
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
