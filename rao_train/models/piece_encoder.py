"""Encode pieces of a conversation as token ids, with the contents of messages as plain text.

A tokenizer recognizes its special tokens in any text. Otherwise, a document, a goal or a sub-agent's answer that spells
one, such as ``<|im_end|>``, could end the turn that quotes it and forge the next.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import Any

from rao_train.models.chat_text import Piece


class PieceEncoder:
    """Encodes pieces as token ids.

    Args:
        tokenizer: A tokenizer of `transformers`.
        frames: Texts that a chat template puts around messages. Added tokens that occur in them count as special, even
            if the tokenizer does not declare them as such.

    Attributes:
        control: Ids and texts of the tokens that contents are never encoded as.
    """

    def __init__(self, tokenizer: Any, frames: Sequence[str]) -> None:
        self._tokenizer = tokenizer
        special = {int(place) for place in tokenizer.all_special_ids}
        added = {int(place): str(token) for place, token in tokenizer.added_tokens_decoder.items()}
        self.control: dict[int, str] = {
            place: text
            for place, text in added.items()
            if place in special or any(text and text in frame for frame in frames)
        }
        texts = sorted((re.escape(text) for text in self.control.values() if len(text) > 1), key=len, reverse=True)
        self._num_in_frame = cache(lambda frame: self._num_control(self.ids(frame)))  # there are few frames
        self._control = re.compile(f"(?=({'|'.join(texts)}))") if texts else None

    def encode(self, piece: Piece) -> list[int]:
        """Return the ids of a piece; contents never become control tokens."""
        ids = self.ids("".join(piece))
        if self._num_control(ids) == sum(map(self._num_in_frame, piece[::2])):
            return ids
        parts = [""]
        for place, text in enumerate(piece):
            first, *others = [text] if place % 2 == 0 else self._broken(text)
            parts[-1] += first
            parts += others
        return [token for part in parts for token in self.ids(part)]

    def ids(self, text: str) -> list[int]:
        """Return the ids of a text, including its control tokens, without adding any."""
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False)
        return ids

    def _broken(self, content: str) -> list[str]:
        """Split a content into parts that do not contain a control token's text."""
        starts = [match.start() + 1 for match in self._control.finditer(content)] if self._control else []
        parts = [content[start:end] for start, end in zip([0, *starts], [*starts, None], strict=True)]
        # Normalization may also turn other text, such as full-width letters, into a control token.
        return [smaller for part in parts for smaller in (part if self._num_control(self.ids(part)) else [part])]

    def _num_control(self, ids: Sequence[int]) -> int:
        """Return the number of control tokens."""
        return sum(token in self.control for token in ids)
