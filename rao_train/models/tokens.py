"""The window in a model's own tokens."""

from __future__ import annotations

from dataclasses import dataclass

from rao_gym.tree import ChatMessage
from rao_train.models.turn_template import TurnTemplate


@dataclass(frozen=True)
class ModelTokens:
    """Counts a transcript as its model reads it: a node's tokens are as many as its conversation has.

    Attributes:
        template: Turns messages into tokens; it remembers texts, so that what is counted need not be tokenized again
            to be read.
    """

    template: TurnTemplate

    @property
    def name(self) -> str:
        """How trees and results call it."""
        return "model"

    def opening(self, system: str, user: str) -> int:
        """Count the two messages that open a transcript."""
        messages = [ChatMessage(role="system", content=system), ChatMessage(role="user", content=user)]
        return len(self.template.opening(messages))

    def action(self, text: str) -> int:
        """Count what the model wrote in one turn, with the token that ends it."""
        return len(self.template.written(text))

    def reply(self, text: str) -> int:
        """Count the reply to an action."""
        return len(self.template.reply(text, ended=True))
