"""A policy behind any OpenAI-compatible server: each turn is one request for a chat completion."""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any
from urllib.parse import urlsplit

import httpx

from rao_gym.errors import InvalidValueError, ServerError
from rao_gym.limits import check_count
from rao_gym.policies.base import PartialAnswersError, Turn

DEFAULT_BASE_URL = "https://api.openai.com/v1"
MAX_WAIT_S = 60.0
"""Longest pause before a retry, in seconds, whatever the server asks for."""

_RETRIED_STATUSES = frozenset({408, 425, 429})


@dataclass(frozen=True, kw_only=True)
class ServerOptions:
    """How a server is asked.

    Attributes:
        base_url: Where the server is; the path ``/chat/completions`` is added.
        temperature: Sampling temperature; the server's default when None.
        max_tokens: Tokens of one reply at most; the server's default when None.
        timeout_s: Seconds that one request may take.
        max_retries: Further tries of a request after one that failed in a way that may pass.
        backoff_s: Seconds before the first retry; each further one waits twice as long, with jitter.
        max_concurrency: Requests in flight at once.
    """

    base_url: str = DEFAULT_BASE_URL
    temperature: float | None = None
    max_tokens: int | None = None
    timeout_s: float = 120.0
    max_retries: int = 4
    backoff_s: float = 0.5
    max_concurrency: int = 16

    def __post_init__(self) -> None:
        """Check every option.

        Raises:
            InvalidValueError: A value is out of range.
        """
        if not isinstance(self.base_url, str) or not _is_web_address(self.base_url):
            raise InvalidValueError(
                f"base_url must be a web address such as http://localhost:8000/v1, got {self.base_url!r}."
            )
        check_count("max_tokens", self.max_tokens, optional=True)
        for name, minimum in (("max_retries", 0), ("max_concurrency", 1)):
            check_count(name, getattr(self, name), minimum=minimum)
        for name in ("timeout_s", "backoff_s", "temperature"):
            value = getattr(self, name)
            if value is None and name == "temperature":
                continue
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
                raise InvalidValueError(f"{name} must be a number of at least 0, got {value!r}.")
        if self.timeout_s == 0:
            raise InvalidValueError("timeout_s must be above 0.")


class OpenAIPolicy:
    """Asks a server for each turn's action, several at once.

    The API key is that of the environment variable ``OPENAI_API_KEY``, if it is set.

    Args:
        model: The model's name on the server.
        options: How the server is asked.

    Attributes:
        url: Where requests go.
    """

    def __init__(self, model: str, options: ServerOptions | None = None) -> None:
        self.model = model
        self.options = options or ServerOptions()
        self.url = f"{self.options.base_url.rstrip('/')}/chat/completions"
        key = os.environ.get("OPENAI_API_KEY")
        self._client = httpx.Client(
            timeout=self.options.timeout_s,
            headers={"Authorization": f"Bearer {key}"} if key else {},
            limits=httpx.Limits(max_connections=self.options.max_concurrency),
        )
        self._jitter = random.Random()

    def act(self, turns: Sequence[Turn]) -> list[str]:
        """Return one action text for each turn.

        Raises:
            PartialAnswersError: Some turns have no answer after the last retry.
        """
        stop = threading.Event()
        try:
            answers = _map_concurrently(partial(self._try_answer, stop=stop), turns, self.options.max_concurrency)
        finally:
            stop.set()  # after an interruption nobody waits for the retries
        texts = [answer for answer in answers if isinstance(answer, str)]
        if len(texts) < len(answers):
            raise PartialAnswersError(answers)
        return texts

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _try_answer(self, turn: Turn, *, stop: threading.Event) -> str | ServerError:
        """Return the action text of one turn, or why there is none."""
        try:
            return self._answer(turn, stop)
        except ServerError as error:
            return error

    def _answer(self, turn: Turn, stop: threading.Event) -> str:
        """Ask until there is an answer.

        Raises:
            ServerError: The last retry failed, or a failure is not one that passes.
        """
        body: dict[str, Any] = {"model": self.model, "messages": list(turn.messages)}
        if self.options.temperature is not None:
            body["temperature"] = self.options.temperature
        if self.options.max_tokens is not None:
            body["max_tokens"] = self.options.max_tokens
        for num_retries in range(self.options.max_retries + 1):
            try:
                return _content(self._post(body))
            except _PassingError as error:
                failure = error
            if num_retries < self.options.max_retries and stop.wait(self._pause(num_retries, failure)):
                break
        tries = f"{self.options.max_retries + 1} tries" if self.options.max_retries else "1 try"
        raise ServerError(f"{self.url} gave no answer after {tries}: {failure}.") from failure

    def _post(self, body: dict[str, Any]) -> Any:
        """Send one request and return the JSON of its response.

        Raises:
            _PassingError: It failed in a way that may pass.
            ServerError: It failed in a way that stays.
        """
        deadline = time.monotonic() + self.options.timeout_s
        try:
            with self._client.stream("POST", self.url, json=body) as response:
                chunks = []
                for chunk in response.iter_bytes():
                    chunks.append(chunk)
                    if time.monotonic() > deadline:
                        raise _PassingError(f"no complete response within {self.options.timeout_s:g} s")
        except httpx.TimeoutException as error:
            raise _PassingError(f"no response within {self.options.timeout_s:g} s") from error
        except httpx.RequestError as error:  # bodies that cannot be decoded included
            raise _PassingError(str(error) or type(error).__name__) from error
        text = b"".join(chunks).decode(errors="replace")
        if response.is_success:
            try:
                return httpx.Response(200, text=text).json()
            except (ValueError, RecursionError) as error:
                raise _PassingError("the response is not JSON") from error
        status = f"HTTP {response.status_code}" + (f" ({text[:200].strip()})" if text.strip() else "")
        if response.status_code in _RETRIED_STATUSES or response.status_code >= 500:
            raise _PassingError(status, retry_after_s=_retry_after(response.headers.get("Retry-After")))
        raise ServerError(f"{self.url} refused the request: {status}.")

    def _pause(self, num_retries: int, failure: _PassingError) -> float:
        """Return how many seconds to wait before the next retry."""
        backoff = self.options.backoff_s * float(2**num_retries) * self._jitter.uniform(0.5, 1.0)
        return min(MAX_WAIT_S, max(backoff, failure.retry_after_s))


class _PassingError(Exception):
    """A failure that may pass.

    Attributes:
        retry_after_s: Seconds that the server asked to wait.
    """

    def __init__(self, message: str, *, retry_after_s: float = 0.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


def _map_concurrently(
    function: Callable[[Turn], str | ServerError], turns: Sequence[Turn], num_threads: int
) -> list[str | ServerError]:
    """Apply a function to all turns, several at once, and return what it gives in order.

    The threads are daemons, unlike those of an executor: Ctrl-C need not wait for a slow server.
    """
    answers: dict[int, str | ServerError] = {}
    failures: list[Exception] = []
    waiting: SimpleQueue[int] = SimpleQueue()
    for place in range(len(turns)):
        waiting.put(place)

    def work() -> None:
        while not failures:
            try:
                place = waiting.get_nowait()
            except Empty:
                return
            try:
                answers[place] = function(turns[place])
            except Exception as error:
                failures.append(error)

    threads = [threading.Thread(target=work, daemon=True) for _ in range(min(num_threads, len(turns)))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return [answers[place] for place in range(len(turns))]


def _content(document: Any) -> str:
    """Return the reply's text; a reply without any is an empty action.

    Raises:
        _PassingError: The response is not a chat completion.
    """
    try:
        content = document["choices"][0]["message"].get("content")
    except (LookupError, TypeError, AttributeError) as error:
        raise _PassingError("the response is not a chat completion: it has no choices[0].message") from error
    return content if isinstance(content, str) else ""


def _retry_after(header: str | None) -> float:
    """Return the seconds that a ``Retry-After`` header asks for; it holds seconds or a date."""
    if header is None:
        return 0.0
    try:
        return max(0.0, float(header))
    except ValueError:
        pass
    try:
        date = parsedate_to_datetime(header)
    except ValueError:
        return 0.0
    return max(0.0, (date.replace(tzinfo=date.tzinfo or UTC) - datetime.now(UTC)).total_seconds())


def _is_web_address(text: str) -> bool:
    """Tell whether a text is an http or https address with a host."""
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
