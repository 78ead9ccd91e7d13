"""Count transcripts in a model's own tokens."""

from __future__ import annotations

from dataclasses import dataclass

from rao_gym.tree import ChatMessage
from rao_train.models.turn_template import TurnTemplate


@dataclass(frozen=True)
class ModelTokens:
    """Counts a transcript as its model reads it: a node has as many tokens as its conversation.

    Attributes:
        template: Tokenizes messages; it caches texts, so counting and reading tokenize only once.
    """

    template: TurnTemplate

    @property
    def name(self) -> str:
        """The counter's name in trees and results."""
        return "model"

    def opening(self, system: str, user: str) -> int:
        """Count the two opening messages of a transcript."""
        messages = [ChatMessage(role="system", content=system), ChatMessage(role="user", content=user)]
        return len(self.template.opening(messages))

    def action(self, text: str) -> int:
        """Count the model's text of one turn and its end-of-turn token."""
        return len(self.template.written(text))

    def reply(self, text: str) -> int:
        """Count the reply to an action."""
        return len(self.template.reply(text, ended=True))
