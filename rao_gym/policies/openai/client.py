"""The client of an OpenAI-compatible server: its connections, and when it tries again."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rao_gym.answer import Answer, EndReason
from rao_gym.errors import ServerError
from rao_gym.policies.openai.failures import OverflowedError, PassingError, failure_of
from rao_gym.policies.openai.replies import is_blank, read_reply
from rao_gym.policies.openai.requests import headers_of, sampling_of
from rao_gym.policies.openai.settings import ServerOptions
from rao_gym.tree import ChatMessage

if TYPE_CHECKING:
    from aiohttp import ClientSession

MAX_WAIT_S = 60.0
"""Longest pause before a retry, in seconds, whatever the server asks for."""


class ChatClient:
    """Asks an OpenAI-compatible server for chat completions, many at once, with retries.

    Args:
        model: The model's name on the server.
        options: Sampling, transport and prices.

    Attributes:
        options: Sampling, transport and prices.
        url: The URL that requests are sent to.
    """

    def __init__(self, model: str, options: ServerOptions) -> None:
        self.options = options
        self.url = options.url
        self._shared = sampling_of(model, options)
        self._headers = headers_of(options)
        self._session: ClientSession | None = None
        self._places = asyncio.Semaphore(options.max_concurrency)
        self._jitter = random.Random()

    async def complete(self, messages: Sequence[ChatMessage], *, retry: bool = True) -> Answer:
        """Request a completion.

        A prompt that exceeds the model's context is not a failure: the answer ends with `EndReason.OVERFLOW`.

        Args:
            messages: The conversation so far.
            retry: Whether to try again after transient failures.

        Raises:
            ServerError: The last try failed, or the failure is permanent.
        """
        async with self._places:
            body = json.dumps({**self._shared, "messages": list(messages)}).encode()
            return await self._ask(body, self.options.max_retries + 1 if retry else 1)

    async def close(self) -> None:
        """Close the connections; a later request opens new ones, on the event loop that is then running."""
        session, self._session = self._session, None
        self._places = asyncio.Semaphore(self.options.max_concurrency)
        if session is not None:
            await session.close()

    async def _ask(self, body: bytes, num_tries: int) -> Answer:
        """Send a request, and retry it after transient failures.

        Raises:
            ServerError: The last try failed, or the failure is permanent.
        """
        failure = PassingError("")
        for number in range(num_tries):
            if number:
                await asyncio.sleep(self._pause(number - 1, failure))
            try:
                answer = await self._post(body)
            except PassingError as error:
                failure = error
                continue
            except OverflowedError:
                return Answer(text="", end=EndReason.OVERFLOW)
            if number + 1 == num_tries or not is_blank(answer):
                return answer
            failure = PassingError("the reply is empty")
        tries = f"{num_tries} tries" if num_tries > 1 else "1 try"
        raise ServerError(f"{self.url} gave no answer after {tries}: {failure}.") from failure

    async def _post(self, body: bytes) -> Answer:
        """Send one request and read its response.

        Raises:
            PassingError: The failure is transient.
            OverflowedError: The prompt is too long.
            ServerError: The failure is permanent.
        """
        import aiohttp  # imported here because it takes longer to load than the rest of most commands

        if self._session is None:
            self._session = _open_session(self.options, self._headers)
        started = time.monotonic()
        try:
            async with self._session.post(self.url, data=body, allow_redirects=False) as response:
                raw = await response.read()
        except TimeoutError as error:
            raise PassingError(f"no complete response within {self.options.timeout_s:g} s") from error
        except aiohttp.ClientError as error:  # includes truncated and undecodable bodies
            raise PassingError(str(error) or type(error).__name__) from error
        document = _json_of(raw)
        failed = not 200 <= response.status < 300
        if failed or (isinstance(document, dict) and "choices" not in document and _tells_of_error(document)):
            text = raw.decode(errors="replace")
            raise failure_of(response.status, document, text, response.headers, self.url)
        if document is None:
            raise PassingError("the response is not JSON")
        return read_reply(document, self.options, latency_s=time.monotonic() - started)

    def _pause(self, num_retries: int, failure: PassingError) -> float:
        """Return how many seconds to wait before the next retry."""
        backoff = self.options.backoff_s * float(2**num_retries) * self._jitter.uniform(0.5, 1.0)
        return min(MAX_WAIT_S, max(backoff, failure.retry_after_s))


def _open_session(options: ServerOptions, headers: dict[str, str]) -> ClientSession:
    """Return an HTTP client without a connection limit of its own.

    With a limit, aiohttp searches all of its connections for a free one on every request.
    """
    from urllib.request import getproxies

    import aiohttp

    return aiohttp.ClientSession(
        headers=headers,
        connector=aiohttp.TCPConnector(limit=0),  # the semaphore is the limit
        timeout=aiohttp.ClientTimeout(total=options.timeout_s),
        trust_env=bool(getproxies()),
        cookie_jar=aiohttp.DummyCookieJar(),
    )


def _json_of(raw: bytes) -> Any:
    """Return a body as JSON; None if it is not JSON."""
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        return None


def _tells_of_error(document: dict[str, Any]) -> bool:
    """Tell whether a response without choices reports an error."""
    return "error" in document or document.get("object") == "error"
