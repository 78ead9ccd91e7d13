"""A chat template cut into the pieces that a transcript is built from, turn by turn.

A node's trajectory is the opening, then what the model wrote, then the piece that carries the reply to it, and so
on. Every piece is tokenized by itself and nothing is ever tokenized again, so the ids of a trajectory are exactly
the ids that the model read and wrote.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from jinja2 import TemplateError

from rao_gym.errors import FileFormatError
from rao_gym.tree import ChatMessage

_WRITTEN = "WHAT-THE-MODEL-WROTE"
_REPLY = "WHAT-THE-REPLY-SAYS"
_CACHED = 8192


class TurnTemplate:
    """Turns messages into token ids with a tokenizer's own chat template.

    Args:
        tokenizer: A tokenizer of `transformers` with a chat template.

    Attributes:
        end_id: The token that ends a turn of the model.

    Raises:
        FileFormatError: The tokenizer has no chat template, or one whose turns cannot be told apart.
    """

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        # The trees of a group open alike and often go alike, so texts come again.
        self._cached_ids = lru_cache(maxsize=_CACHED)(self._ids)
        self._cached_opening = lru_cache(maxsize=_CACHED)(self._opening)
        self._cached_text = lru_cache(maxsize=_CACHED)(self._text)
        if not getattr(tokenizer, "chat_template", None):
            raise FileFormatError(f"The tokenizer of {tokenizer.name_or_path!r} has no chat template.")
        messages = [
            ChatMessage(role="system", content="Rules."),
            ChatMessage(role="user", content="Goal."),
            ChatMessage(role="assistant", content=_WRITTEN),
            ChatMessage(role="user", content=_REPLY),
        ]
        self._folds_system = False
        try:
            rendered = self._render(messages)
        except TemplateError:  # some know no system message
            self._folds_system = True
            rendered = self._render(messages)
        if rendered.count(_WRITTEN) != 1 or rendered.count(_REPLY) != 1:
            raise FileFormatError(
                f"The chat template of {tokenizer.name_or_path!r} does not keep messages as they are."
            )
        between = rendered.split(_WRITTEN)[1]
        before, after = between.split(_REPLY)
        self._before_reply = self.encode(before)
        self._after_reply = self.encode(after)
        if not self._before_reply:
            raise FileFormatError(f"The chat template of {tokenizer.name_or_path!r} does not end the model's turns.")
        self.end_id: int = self._before_reply[0]
        if self.end_id not in tokenizer.all_special_ids and self.end_id not in tokenizer.added_tokens_decoder:
            raise FileFormatError(
                f"The chat template of {tokenizer.name_or_path!r} ends the model's turns with ordinary text "
                f"({tokenizer.decode([self.end_id])!r}), not with a token of its own."
            )

    def opening(self, messages: Sequence[ChatMessage]) -> list[int]:
        """Return the ids of a node's first messages, up to where the model writes."""
        return list(self._cached_opening(tuple((message["role"], message["content"]) for message in messages)))

    def written(self, text: str) -> list[int]:
        """Return the ids with which the model would write `text` and end its turn."""
        return [*self.encode(text), self.end_id]

    def reply(self, text: str, *, ended: bool) -> list[int]:
        """Return the ids from the end of what the model wrote to where it writes next.

        Args:
            text: The reply.
            ended: Whether the model ended its turn itself; if not, the end is part of this piece.
        """
        return [*self._before_reply[1 if ended else 0 :], *self.encode(text), *self._after_reply]

    def transcript(self, messages: Sequence[ChatMessage]) -> list[int]:
        """Return the ids of a whole transcript, up to where the model writes next.

        Args:
            messages: The opening messages, then actions and replies in turn.
        """
        num_opening = next((place for place, message in enumerate(messages) if message["role"] == "assistant"), None)
        ids = self.opening(messages[:num_opening])
        for message in [] if num_opening is None else messages[num_opening:]:
            content = message["content"]
            ids += self.written(content) if message["role"] == "assistant" else self.reply(content, ended=True)
        return ids

    def action_text(self, ids: Sequence[int], *, ended: bool) -> str:
        """Return what the model wrote as text, without the token that ends its turn."""
        return self._cached_text(tuple(ids[:-1] if ended else ids))

    def encode(self, text: str) -> list[int]:
        """Return the ids of a piece of text, with nothing added."""
        return list(self._cached_ids(text))

    def _ids(self, text: str) -> tuple[int, ...]:
        """Tokenize a piece of text."""
        return tuple(self._tokenizer.encode(text, add_special_tokens=False))

    def _opening(self, messages: tuple[tuple[str, str], ...]) -> tuple[int, ...]:
        """Render and tokenize opening messages."""
        return self._ids(self._render([ChatMessage(role=role, content=content) for role, content in messages]))

    def _text(self, ids: tuple[int, ...]) -> str:
        """Return tokens as text."""
        text: str = self._tokenizer.decode(list(ids), clean_up_tokenization_spaces=False)
        return text

    def _render(self, messages: Sequence[ChatMessage]) -> str:
        """Return messages as text, up to where the model writes.

        Raises:
            TemplateError: The template refuses them.
        """
        if self._folds_system:
            messages = _without_system(messages)
        text: str = self._tokenizer.apply_chat_template(list(messages), tokenize=False, add_generation_prompt=True)
        return text


def _without_system(messages: Sequence[ChatMessage]) -> list[ChatMessage]:
    """Return messages whose system message stands in front of the user's first one."""
    if not messages or messages[0]["role"] != "system":
        return list(messages)
    system, first, *rest = messages
    return [ChatMessage(role=first["role"], content=f"{system['content']}\n\n{first['content']}"), *rest]
