"""A chat template split into the pieces that a transcript is built from, turn by turn.

A node's trajectory is the opening, then the model's turn, then the piece with the reply to it, and so on. Every piece
is tokenized on its own and nothing is ever re-tokenized, so a trajectory holds exactly the ids that the model read and
wrote. On samples, these are compared with the ids that `apply_chat_template` gives for the whole conversation; if they
differ, the template or tokenizer is refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from inspect import signature
from typing import Any

from rao_gym.errors import FileFormatError, unknown_name
from rao_gym.jsonable import JSON
from rao_gym.tree import ChatMessage
from rao_train.models.chat_text import ChatText, Piece, UnfitTemplateError, samples
from rao_train.models.piece_encoder import PieceEncoder

_CACHED = 8192
_MAX_CACHED_CHARS = 100_000
"""Longer texts, such as a goal that no window holds, are not kept."""


class TurnTemplate:
    """Turns messages into token ids with a tokenizer's own chat template.

    The contents of messages are plain text: only the template can produce special tokens.

    Two things deliberately differ from `apply_chat_template`, because a trajectory would not be one sequence otherwise.
    The model's turns stay as it wrote them, although some templates remove thoughts from earlier turns. Text that a
    template puts before the model's current turn only, such as an empty thought, stays as well (`keeps`).

    Args:
        tokenizer: A tokenizer of `transformers` with a chat template.
        arguments: Additional variables of the template, such as ``{"enable_thinking": False}``.
        declared_end_ids: Additional tokens that end a turn, such as those that a model's folder declares.

    Attributes:
        end_id: The token with which the template ends the model's turn.
        end_ids: Every token that ends a turn: the template's, the declared ones, and the tokenizer's own.
        keeps: Text that stays in earlier turns although the template removes it; empty for most templates.

    Raises:
        FileFormatError: The tokenizer has no chat template, or one that cannot be used turn by turn.
        UnknownNameError: The template has no such variable.
    """

    def __init__(
        self,
        tokenizer: Any,
        arguments: Mapping[str, JSON] | None = None,
        declared_end_ids: Sequence[int] = (),
    ) -> None:
        self._tokenizer = tokenizer
        # The trees of a group have the same opening and often similar turns, so texts repeat.
        self._cached_ids = lru_cache(maxsize=_CACHED)(self._ids)
        self._cached_opening = lru_cache(maxsize=_CACHED)(self._opening)
        self._cached_text = lru_cache(maxsize=_CACHED)(self._text)
        name = tokenizer.name_or_path
        if not getattr(tokenizer, "chat_template", None):
            raise FileFormatError(f"The tokenizer of {name!r} has no chat template.")
        _check_arguments(tokenizer, arguments or {})
        try:
            self._chat = ChatText(tokenizer, arguments or {})
            self._cut_end()
            self._check_samples()
        except UnfitTemplateError as error:
            raise FileFormatError(f"The chat template of {name!r} {error}.") from error
        self.keeps = self._chat.frame.dropped
        own = tokenizer.eos_token_id
        self.end_ids = frozenset({self.end_id, *declared_end_ids, *([] if own is None else [int(own)])})

    def opening(self, messages: Sequence[ChatMessage]) -> list[int]:
        """Return the ids of a node's opening messages, up to the model's first turn.

        Raises:
            FileFormatError: The template rejects messages of these roles.
        """
        texts = tuple((message["role"], message["content"]) for message in messages)
        is_long = sum(len(content) for _, content in texts) > _MAX_CACHED_CHARS
        return list(self._opening(texts) if is_long else self._cached_opening(texts))

    def written(self, text: str) -> list[int]:
        """Return the ids that the model would generate to write `text` and end its turn."""
        lead, content = self._chat.written(text)
        # The first characters must neither merge with the template's last ones nor get a leading space, which some
        # tokenizers add to every text; so the text is tokenized after the prompt, or else after a letter or a digit.
        for anchor in ("", "x", "0"):
            before = self._encoder.ids(self._prompt + anchor)
            ids = self._encode([self._prompt + anchor + lead, content, self._end])
            if ids[: len(before)] == before:
                return ids[len(before) :]
        return self._encode([lead, content, self._end])

    def reply(self, text: str, *, ended: bool) -> list[int]:
        """Return the ids from the end of the model's turn to the start of its next one.

        Args:
            text: The reply.
            ended: Whether the model ended its turn with `end_id`. If not, this piece includes `end_id`, even if the
                model used another end token, because a template may start the next turn with that very token.
        """
        before, content, after = self._chat.reply(text)
        ids = self._encode([before[self._end_starts :], content, after])
        return ids[1:] if ended else ids

    def transcript(self, messages: Sequence[ChatMessage]) -> list[int]:
        """Return the ids of a whole transcript, up to the model's next turn.

        Args:
            messages: The opening messages, then alternating actions and replies.
        """
        num_opening = next((place for place, message in enumerate(messages) if message["role"] == "assistant"), None)
        ids = self.opening(messages[:num_opening])
        for message in [] if num_opening is None else messages[num_opening:]:
            content = message["content"]
            ids += self.written(content) if message["role"] == "assistant" else self.reply(content, ended=True)
        return ids

    def action_text(self, ids: Sequence[int], *, ended: bool) -> str:
        """Return the model's turn as text, without its end-of-turn token, if any."""
        return self._cached_text(tuple(ids[:-1] if ended else ids))

    def encode(self, text: str) -> list[int]:
        """Return the ids of a message's content."""
        return self._encode(["", text])

    def _encode(self, piece: Piece) -> list[int]:
        """Return the ids of a piece."""
        is_long = sum(map(len, piece)) > _MAX_CACHED_CHARS
        return list(self._ids(tuple(piece)) if is_long else self._cached_ids(tuple(piece)))

    def _ids(self, piece: tuple[str, ...]) -> tuple[int, ...]:
        """Tokenize a piece."""
        return tuple(self._encoder.encode(list(piece)))

    def _opening(self, messages: tuple[tuple[str, str], ...]) -> tuple[int, ...]:
        """Render and tokenize opening messages."""
        try:
            piece = self._chat.opening([ChatMessage(role=role, content=content) for role, content in messages])
        except UnfitTemplateError as error:
            raise FileFormatError(f"The chat template of {self._tokenizer.name_or_path!r} {error}.") from error
        return self._ids(tuple(piece))

    def _text(self, ids: tuple[int, ...]) -> str:
        """Decode tokens."""
        text: str = self._tokenizer.decode(list(ids), clean_up_tokenization_spaces=False)
        return text

    def _cut_end(self) -> None:
        """Find the token that ends the model's turns, and the text before it and before the model's turns."""
        frame = self._chat.frame
        self._encoder = PieceEncoder(self._tokenizer, [frame.before_reply, frame.after_reply])
        if not frame.before_reply:
            raise UnfitTemplateError("does not end the model's turns")
        control = {text: token for token, text in self._encoder.control.items()}
        starts = {text: frame.before_reply.find(text) for text in control if text in frame.before_reply}
        end = min(starts, key=lambda text: (starts[text], -len(text)), default="")
        if not end or frame.before_reply[: starts[end]].strip():
            raise UnfitTemplateError(
                f"ends the model's turns with ordinary text ({frame.before_reply!r}), not with a special token"
            )
        self.end_id: int = control[end]
        self._end_starts = starts[end]
        self._end = frame.before_reply[: starts[end] + len(end)]
        last = max((frame.after_reply.rfind(text) for text in control), default=-1)
        self._prompt = frame.after_reply[max(last, 0) :]

    def _check_samples(self) -> None:
        """Compare the ids of sample transcripts with those of the same texts tokenized as a whole."""
        for messages in samples():
            for length in range(2, len(messages) + 1, 2):
                if self.transcript(messages[:length]) != self._encoder.ids(self._chat.text(messages[:length])):
                    raise UnfitTemplateError(
                        "cannot be used turn by turn: its tokenizer encodes a piece of a conversation differently on "
                        "its own than within the whole"
                    )


def _check_arguments(tokenizer: Any, arguments: Mapping[str, JSON]) -> None:
    """Check that a template has these variables, because Jinja accepts any.

    Raises:
        UnknownNameError: It has no such variable, or the variable is reserved.
    """
    text = str(tokenizer.get_chat_template())
    own = {*signature(tokenizer.apply_chat_template).parameters, "messages"}
    for name in arguments:
        if name in own or not re.search(rf"\b{re.escape(name)}\b", text):
            words = set(re.findall(r"\b[a-z]+_[a-z_]+\b", text)) - own
            raise unknown_name("argument of the chat template", name, sorted(words))
