"""How a model plays: conversations as token ids, and an engine that goes on with them.

A node's sequence begins with its opening messages; each turn appends what was generated, then the piece of the chat
template that carries the reply. So the ids are exactly what the model read and wrote.
"""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from time import perf_counter

from rao_gym.errors import ServerError
from rao_gym.evaluation.players import Seat
from rao_gym.policies.base import Answer, EndReason
from rao_gym.tree import Node
from rao_train.engines.base import Completion, CompletionEnd, Engine, Request, Sampling
from rao_train.models.turn_template import TurnTemplate

MAX_TRIES = 3
"""How often a turn is asked for that the engine gives up."""


@dataclass(slots=True)
class Conversation:
    """One node's tokens as they grow.

    Attributes:
        tokens: Every token so far.
        generated: Whether the model wrote each of them.
        logprobs: log μ of those that it wrote, 0 for the others.
        versions: Version of the weights that wrote each of those, 0 for the others.
        num_messages: Messages of the node's transcript that the tokens stand for.
        ended: Whether what the model wrote last ended with the token with which the template ends turns.
    """

    tokens: list[int]
    generated: list[bool]
    logprobs: list[float]
    versions: list[int]
    num_messages: int
    ended: bool = True

    @classmethod
    def open(cls, node: Node, template: TurnTemplate) -> Conversation:
        """Begin with the opening messages of a node."""
        tokens = template.opening(node.messages)
        return cls(tokens, [False] * len(tokens), [0.0] * len(tokens), [0] * len(tokens), len(node.messages))

    def write(self, completion: Completion, template: TurnTemplate) -> None:
        """Append what the model wrote."""
        self.tokens += completion.ids
        self.logprobs += completion.logprobs
        self.versions += completion.versions
        self.generated += [True] * len(completion.ids)
        self.num_messages += 1
        self.ended = completion.ids[-1:] == [template.end_id]  # not by another token that ends turns

    def read(self, node: Node, template: TurnTemplate) -> None:
        """Append the reply to the last action, if it is there and has not been read."""
        if len(node.messages) > self.num_messages:
            ids = template.reply(node.messages[self.num_messages]["content"], ended=self.ended)
            self.tokens += ids
            self.logprobs += [0.0] * len(ids)
            self.versions += [0] * len(ids)
            self.generated += [False] * len(ids)
            self.num_messages += 1


@dataclass(frozen=True, slots=True)
class _Asked:
    """A turn that the engine was asked for.

    Attributes:
        ticket: Our own ticket.
        conversation: Whose turn it is.
        request: What the engine was asked.
        tries: How often, this time included.
    """

    ticket: int
    conversation: Conversation
    request: Request
    tries: int = 1


class EnginePlayer:
    """Plays with an engine, in training and in evaluation alike.

    The draws of a turn are seeded by its tree, its node and how many turns the node has taken. A turn that the engine
    gives up is asked for again, with the same draws, up to `MAX_TRIES` times in all.

    Args:
        engine: Generates.
        template: Turns messages into tokens.
        sampling: How completions are drawn.
        max_length: The longest sequence that the model can read; None for no end. A node that outgrows it ends, out
            of window.
        seed: Stands before the tree's own seed.

    Attributes:
        seconds: Time spent in the engine.
    """

    def __init__(
        self,
        engine: Engine,
        template: TurnTemplate,
        sampling: Sampling,
        *,
        max_length: int | None = None,
        seed: tuple[int, ...] = (),
    ) -> None:
        self._engine = engine
        self._template = template
        self._sampling = sampling
        self._max_length = max_length
        self._seed = seed
        self.seconds = 0.0
        self._trees: dict[Hashable, dict[int, Conversation]] = {}
        self._tickets = itertools.count()
        self._under_way: dict[int, _Asked] = {}  # by the engine's ticket
        self._too_long: list[int] = []

    def conversations(self, tree: Hashable) -> Mapping[int, Conversation]:
        """Return the tokens of a tree's nodes by id, until the tree is forgotten."""
        return self._trees.get(tree, {})

    def submit(self, seat: Seat) -> int:
        """Bring a node's tokens up to date and ask for its next turn, if the model can read that much."""
        ticket = next(self._tickets)
        node = seat.node
        conversations = self._trees.setdefault(seat.tree, {})
        conversation = conversations.get(node.id)
        if conversation is None:
            conversation = conversations[node.id] = Conversation.open(node, self._template)
        conversation.read(node, self._template)
        length = len(conversation.tokens) + self._sampling.max_new_tokens
        if self._max_length is not None and length > self._max_length:
            self._too_long.append(ticket)
            return ticket
        seed = (*self._seed, *seat.seed, node.id, node.turns)
        request = Request(conversation.tokens, seed, session=(seat.tree, node.id))
        self._ask(_Asked(ticket, conversation, request))
        return ticket

    def completed(self) -> list[tuple[int, object]]:
        """Return the answers that are there."""
        answers: list[tuple[int, object]] = [(ticket, Answer("", end=EndReason.OVERFLOW)) for ticket in self._too_long]
        self._too_long = []
        while self._under_way:
            started = perf_counter()
            completions = self._engine.completed()
            self.seconds += perf_counter() - started
            for ticket, completion in completions:
                asked = self._under_way.pop(ticket, None)
                if asked is None:
                    continue  # cancelled
                if completion.end is CompletionEnd.ABORTED and asked.tries < MAX_TRIES:
                    self._ask(replace(asked, tries=asked.tries + 1))
                else:
                    answers.append((asked.ticket, self._answer(asked.conversation, completion)))
            if answers or not completions:
                break
        return answers

    def cancel(self, tickets: Sequence[int]) -> None:
        """Cancel requests."""
        wanted = set(tickets)
        cancelled = [theirs for theirs, asked in self._under_way.items() if asked.ticket in wanted] if wanted else []
        for ticket in cancelled:
            del self._under_way[ticket]
        self._engine.cancel(cancelled)
        self._too_long = [ticket for ticket in self._too_long if ticket not in wanted]

    def leave(self, seat: Seat) -> None:
        """Let the engine forget a node that has no more turns."""
        self._engine.release((seat.tree, seat.node.id))

    def forget(self, tree: Hashable) -> None:
        """Let the engine forget a tree, and forget its tokens."""
        for node in self._trees.pop(tree, {}):
            self._engine.release((tree, node))

    def _ask(self, asked: _Asked) -> None:
        """Ask the engine for a turn."""
        self._under_way[self._engine.submit(asked.request, self._sampling)] = asked

    def _answer(self, conversation: Conversation, completion: Completion) -> Answer | ServerError:
        """Append what the model wrote, and return it as text."""
        if completion.end is CompletionEnd.ABORTED:
            return ServerError(f"{type(self._engine).__name__} gave up a turn {MAX_TRIES} times.")
        conversation.write(completion, self._template)
        text = self._template.action_text(completion.ids, ended=completion.ended)
        end = EndReason.FINISHED if completion.ended else EndReason.LENGTH
        # If the template did not end the turn itself, its end token comes before the reply.
        return Answer(text, end=end, num_tokens=len(completion.ids) + (not conversation.ended))
