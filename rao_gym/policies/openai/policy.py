"""The policy ``openai:MODEL``: one request per turn, many in flight."""

from __future__ import annotations

from rao_gym.answer import Answer
from rao_gym.errors import PolicyError, ServerError
from rao_gym.policies.base import Turn
from rao_gym.policies.openai.client import ChatClient
from rao_gym.policies.openai.settings import ServerOptions


class OpenAIPolicy:
    """Asks an OpenAI-compatible server for each turn's action.

    Args:
        model: The model's name on the server.
        options: Sampling, transport and prices.

    Attributes:
        model: The model's name on the server.
        options: Sampling, transport and prices.
        url: The URL that requests are sent to.
    """

    def __init__(self, model: str, options: ServerOptions | None = None) -> None:
        self.model = model
        self.options = options or ServerOptions()
        self.url = self.options.url
        self._client = ChatClient(model, self.options)
        self._num_unanswered = 0

    async def answer(self, turn: Turn) -> Answer:
        """Request the turn's action, with retries.

        A prompt that exceeds the model's context is not a failure: the answer ends with `EndReason.OVERFLOW`.

        Raises:
            ServerError: The last retry failed, or the failure is permanent.
            PolicyError: So did `max_unanswered` turns in a row; the server is gone.
        """
        try:
            answer = await self._client.complete(turn.messages)
        except ServerError as error:
            self._num_unanswered += 1
            if self._num_unanswered >= self.options.max_unanswered:
                raise PolicyError(
                    f"The server left {self._num_unanswered} turns in a row without an answer, so the run stops. "
                    f"Last error: {error}"
                ) from error
            raise
        self._num_unanswered = 0
        return answer

    async def close(self) -> None:
        """Close the connections; a later turn opens new ones, on the event loop that is then running."""
        await self._client.close()
