"""A chat template cut into the pieces that a transcript is built from, turn by turn.

A node's trajectory is the opening, then what the model wrote, then the piece that carries the reply to it, and so
on. Every piece is tokenized by itself and nothing is ever tokenized again, so the ids of a trajectory are exactly
the ids that the model read and wrote. That they are also what the tokenizer's own `apply_chat_template` gives for the
whole conversation is checked on samples; a template or tokenizer for which they are not is refused.
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


class TurnTemplate:
    """Turns messages into token ids with a tokenizer's own chat template.

    Whatever stands in a message is plain text: special tokens come from the template alone.

    Two things differ from `apply_chat_template` by intent. What the model wrote stays as it wrote it, where some
    templates take its thoughts out of earlier turns; and what a template puts before a turn of the model, such as an
    empty thought, stays as well (`keeps`). Otherwise a trajectory would not be one sequence.

    Args:
        tokenizer: A tokenizer of `transformers` with a chat template.
        arguments: Further variables of the template, such as ``{"enable_thinking": False}``.
        declared_end_ids: Further tokens that end a turn, such as those that a model's folder declares.

    Attributes:
        end_id: The token with which the template ends a turn of the model.
        end_ids: Every token that ends a turn: that of the template, those declared, and the tokenizer's own.
        keeps: What stays of earlier turns though the template takes it out; empty for most templates.

    Raises:
        FileFormatError: The tokenizer has no chat template, or one whose turns cannot be told apart.
        UnknownNameError: The template has no such variable.
    """

    def __init__(
        self,
        tokenizer: Any,
        arguments: Mapping[str, JSON] | None = None,
        declared_end_ids: Sequence[int] = (),
    ) -> None:
        self._tokenizer = tokenizer
        # The trees of a group open alike and often go alike, so texts come again.
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
        """Return the ids of a node's first messages, up to where the model writes.

        Raises:
            FileFormatError: The template refuses messages of these roles.
        """
        return list(self._cached_opening(tuple((message["role"], message["content"]) for message in messages)))

    def written(self, text: str) -> list[int]:
        """Return the ids with which the model would write `text` and end its turn."""
        lead, content = self._chat.written(text)
        # What comes first must neither merge with the template's last characters nor get a space before it, as some
        # tokenizers put before every text; so it is tokenized behind the prompt, or else behind a letter or a digit.
        for anchor in ("", "x", "0"):
            before = self._encoder.ids(self._prompt + anchor)
            ids = self._encode([self._prompt + anchor + lead, content, self._end])
            if ids[: len(before)] == before:
                return ids[len(before) :]
        return self._encode([lead, content, self._end])

    def reply(self, text: str, *, ended: bool) -> list[int]:
        """Return the ids from the end of what the model wrote to where it writes next.

        Args:
            text: The reply.
            ended: Whether the model ended its turn with `end_id`; if not, also if it did with another token that ends
                turns, the end is part of this piece. A template may begin the next turn with that very token.
        """
        before, content, after = self._chat.reply(text)
        ids = self._encode([before[self._end_starts :], content, after])
        return ids[1:] if ended else ids

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
        """Return what the model wrote as text, without the token that ended its turn, if one did."""
        return self._cached_text(tuple(ids[:-1] if ended else ids))

    def encode(self, text: str) -> list[int]:
        """Return the ids of a text that stands in a message."""
        return self._encode(["", text])

    def _encode(self, piece: Piece) -> list[int]:
        """Return the ids of a piece."""
        return list(self._cached_ids(tuple(piece)))

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
        """Return tokens as text."""
        text: str = self._tokenizer.decode(list(ids), clean_up_tokenization_spaces=False)
        return text

    def _cut_end(self) -> None:
        """Find the token that ends the model's turns, and what comes before it and before what it writes."""
        frame = self._chat.frame
        self._encoder = PieceEncoder(self._tokenizer, [frame.before_reply, frame.after_reply])
        if not frame.before_reply:
            raise UnfitTemplateError("does not end the model's turns")
        control = {text: token for token, text in self._encoder.control.items()}
        starts = {text: frame.before_reply.find(text) for text in control if text in frame.before_reply}
        end = min(starts, key=lambda text: (starts[text], -len(text)), default="")
        if not end or frame.before_reply[: starts[end]].strip():
            raise UnfitTemplateError(
                f"ends the model's turns with ordinary text ({frame.before_reply!r}), not with a token of its own"
            )
        self.end_id: int = control[end]
        self._end_starts = starts[end]
        self._end = frame.before_reply[: starts[end] + len(end)]
        last = max((frame.after_reply.rfind(text) for text in control), default=-1)
        self._prompt = frame.after_reply[max(last, 0) :]

    def _check_samples(self) -> None:
        """Compare transcripts with the ids of the same text as a whole."""
        for messages in samples():
            for length in range(2, len(messages) + 1, 2):
                if self.transcript(messages[:length]) != self._encoder.ids(self._chat.text(messages[:length])):
                    raise UnfitTemplateError(
                        "cannot be used turn by turn: its tokenizer gives a piece of a conversation other tokens than "
                        "the whole has in its place"
                    )


def _check_arguments(tokenizer: Any, arguments: Mapping[str, JSON]) -> None:
    """Check that a template's variables are there, for Jinja would take any.

    Raises:
        UnknownNameError: One is not, or is not the user's to set.
    """
    text = str(tokenizer.get_chat_template())
    own = {*signature(tokenizer.apply_chat_template).parameters, "messages"}
    for name in arguments:
        if name in own or not re.search(rf"\b{re.escape(name)}\b", text):
            words = set(re.findall(r"\b[a-z]+_[a-z_]+\b", text)) - own
            raise unknown_name("argument of the chat template", name, sorted(words))
