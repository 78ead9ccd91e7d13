"""The text that a chat template puts around messages, determined by rendering samples.

A transcript only grows: every turn starts with exactly what the model read and wrote before, so that one sequence of
tokens holds a whole conversation. A template, in contrast, renders the whole conversation every time and may put
anything anywhere. It can be split into an opening and pieces for later turns only if the samples below render to the
concatenated pieces.

A piece is a list of texts in which the template's own text and the contents of messages alternate; contents have odd
indices.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from operator import methodcaller
from typing import Any

from jinja2 import TemplateError

from rao_gym.errors import reason_of
from rao_gym.tree import ChatMessage

Piece = list[str]
Trim = Callable[[str], str]

_RULES, _GOAL = "RULES-OF-THE-SAMPLE", "GOAL-OF-THE-SAMPLE"
_WRITTEN = ("FIRST-THAT-IS-WRITTEN", "SECOND-THAT-IS-WRITTEN")
_REPLIES = ("FIRST-THAT-IS-REPLIED", "SECOND-THAT-IS-REPLIED")
_PADDING = "\n \n"
_TRIMS: tuple[Trim, ...] = (
    str,
    *(methodcaller(name) for name in ("strip", "lstrip", "rstrip")),
    *(methodcaller(name, "\n") for name in ("strip", "lstrip", "rstrip")),
)
_SAMPLES = (
    ("Rules.", "Goal.", "Written.", "Replied.", "Written again.", "Replied again."),
    (
        "Rules.\n\n# Tools\nWrite code.",
        "What is 2 + 3?",
        "I add.\n```python\nprint(2 + 3)\n```",
        "5",
        '<tool_call>{"name": "finish", "arguments": {"answer": 5}}</tool_call>',
        "<tool_response>\n5\n</tool_response>",
    ),
)


class UnfitTemplateError(Exception):
    """A template that cannot be split into pieces; the message continues "The chat template of X"."""


@dataclass(frozen=True, kw_only=True)
class Frame:
    """The text around messages.

    Attributes:
        before_reply: Text between the end of the model's turn and the reply.
        after_reply: Text between the reply and the model's next turn.
        lead: White space that the model writes before the text of its turn.
        dropped: Text that the template puts before the model's current turn, but removes from earlier turns.
        trims: How the template strips white space around actions and replies, by role.
    """

    before_reply: str
    after_reply: str
    lead: str
    dropped: str
    trims: Mapping[str, Trim]


class ChatText:
    """Renders conversations as pieces, with a tokenizer's own chat template.

    Args:
        tokenizer: A tokenizer of `transformers` with a chat template.
        arguments: Additional variables of the template, such as `enable_thinking`.

    Attributes:
        folds_system: Whether the system message is prepended to the user's first message, because the template has no
            place for it, or one that moves.
        frame: The text around messages.

    Raises:
        UnfitTemplateError: The template changes messages, or moves the text around them.
    """

    def __init__(self, tokenizer: Any, arguments: Mapping[str, Any]) -> None:
        self._tokenizer = tokenizer
        self._arguments = dict(arguments)
        self._gaps: dict[tuple[str, ...], tuple[Piece, list[int]]] = {}
        self.folds_system = False
        try:
            self.frame = self._measure()
        except UnfitTemplateError:
            self.folds_system = True
            self.frame = self._measure()
        for sample in samples():
            for length in range(2, len(sample) + 1, 2):
                if self.text(sample[:length], as_rendered=True) != self.render(sample[:length]):
                    raise UnfitTemplateError("renders a turn differently once other turns follow")

    def render(self, messages: Sequence[ChatMessage]) -> str:
        """Return messages as the template renders them, up to the model's next turn.

        Raises:
            UnfitTemplateError: The template raises an error for them.
        """
        try:
            text: str = self._tokenizer.apply_chat_template(
                self._folded(messages), tokenize=False, add_generation_prompt=True, **self._arguments
            )
        except (TemplateError, TypeError, ValueError, LookupError) as error:
            raise UnfitTemplateError(f"rejects a conversation of system, user and model: {reason_of(error)}") from error
        return text

    def text(self, messages: Sequence[ChatMessage], *, as_rendered: bool = False) -> str:
        """Return messages as the concatenation of their pieces, up to the model's next turn.

        Args:
            messages: Opening messages, then alternating actions and replies.
            as_rendered: Whether to leave out the text that the template removes from earlier turns.
        """
        roles = [message["role"] for message in messages]
        first = roles.index("assistant") if "assistant" in roles else len(roles)
        text = "".join(self.opening(messages[:first]))
        for message in messages[first:]:
            if message["role"] == "assistant":
                text = text.removesuffix(self.frame.dropped) if as_rendered else text
                text += "".join(self.written(message["content"]))
            else:
                text += "".join(self.reply(message["content"]))
        return text

    def opening(self, messages: Sequence[ChatMessage]) -> Piece:
        """Return the piece of a node's opening messages, up to the model's first turn.

        Raises:
            UnfitTemplateError: The template rejects messages of these roles.
        """
        folded = self._folded(messages)
        roles = tuple(message["role"] for message in folded)
        if roles not in self._gaps:
            self._gaps[roles] = self._gaps_of(roles)
        around, shown = self._gaps[roles]
        rendered = self.render(messages)
        contents = [folded[place]["content"] for place in shown]
        trimmed = product(*[dict.fromkeys(trim(content) for trim in _TRIMS) for content in contents])
        pieces = [_between(around, choice) for choice in trimmed]
        # A template may change unusual content, such as a goal that a model wrote; here, content is never changed.
        return next((piece for piece in pieces if "".join(piece) == rendered), pieces[0])

    def written(self, text: str) -> Piece:
        """Return the piece that the model writes, without its end-of-turn token."""
        return [self.frame.lead, self.frame.trims["assistant"](text)]

    def reply(self, text: str) -> Piece:
        """Return the piece from the end of the model's turn to the start of its next one."""
        return [self.frame.before_reply, self.frame.trims["user"](text), self.frame.after_reply]

    def _folded(self, messages: Sequence[ChatMessage]) -> list[ChatMessage]:
        """Return messages with the system message where the template accepts it."""
        if not self.folds_system or len(messages) < 2 or messages[0]["role"] != "system":
            return list(messages)
        system, first, *rest = messages
        return [ChatMessage(role=first["role"], content=f"{system['content']}\n\n{first['content']}"), *rest]

    def _gaps_of(self, roles: Sequence[str]) -> tuple[Piece, list[int]]:
        """Return the text around opening messages of these roles, and the messages that occur in it."""
        marks = [f"MESSAGE-{place}-OF-THE-OPENING" for place in range(len(roles))]
        rest = self.render([ChatMessage(role=role, content=mark) for role, mark in zip(roles, marks, strict=True)])
        around, shown = [], []
        for place, (role, mark) in enumerate(zip(roles, marks, strict=True)):
            if role == "system" and mark not in rest:  # some templates omit the system message
                continue
            before, rest = _cut(rest, mark)
            around.append(before)
            shown.append(place)
        return [*around, rest], shown

    def _measure(self) -> Frame:
        """Split a sample at its messages."""
        sample = _conversation((_RULES, _GOAL, _WRITTEN[0], _REPLIES[0], _WRITTEN[1], _REPLIES[1]))
        opened, prompt = _cut(self.render(sample[:2]), _GOAL)
        reopened, rest = _cut(self.render(sample[:4]), _GOAL)
        if reopened != opened:
            raise UnfitTemplateError("moves the system message as the conversation goes on")
        earlier, rest = _cut(rest, _WRITTEN[0])
        before, after = _cut(rest, _REPLIES[0])
        lead = earlier.removeprefix(prompt) if earlier.startswith(prompt) else ""
        dropped = prompt.removeprefix(earlier) if prompt.startswith(earlier) else ""
        if earlier + dropped != prompt + lead or lead.strip():
            raise UnfitTemplateError(
                f"puts {earlier!r} before earlier turns of the model, but {prompt!r} before the current one"
            )
        return Frame(before_reply=before, after_reply=after, lead=lead, dropped=dropped, trims=self._trims(sample))

    def _trims(self, sample: Sequence[ChatMessage]) -> dict[str, Trim]:
        """Return how the template strips white space around actions and replies."""
        plain = self.render(sample)
        trims: dict[str, Trim] = {}
        for role, marks in (("assistant", _WRITTEN), ("user", _REPLIES)):
            padded = [
                ChatMessage(role=message["role"], content=_padded(message["content"]))
                if message["content"] in marks
                else message
                for message in sample
            ]
            rendered = self.render(padded)
            found = [trim for trim in _TRIMS if _replaced(plain, marks, trim) == rendered]
            if not found:
                raise UnfitTemplateError("does not keep messages as they are")
            trims[role] = found[0]
        return trims


def _between(around: Sequence[str], contents: Sequence[str]) -> Piece:
    """Return the piece of a template's own texts with contents between them."""
    return [around[0], *(text for pair in zip(contents, around[1:], strict=True) for text in pair)]


def samples() -> list[list[ChatMessage]]:
    """Return typical conversations."""
    return [_conversation(contents) for contents in _SAMPLES]


def _conversation(contents: Sequence[str]) -> list[ChatMessage]:
    """Return rules, goal, then alternating actions and replies."""
    roles = ["system", "user", *["assistant", "user"] * (len(contents) // 2 - 1)]
    return [ChatMessage(role=role, content=content) for role, content in zip(roles, contents, strict=True)]


def _padded(text: str) -> str:
    """Return a text surrounded by white space."""
    return f"{_PADDING}{text}{_PADDING}"


def _replaced(text: str, marks: Sequence[str], trim: Trim) -> str:
    """Surround the marks in a text with the white space that a trim leaves."""
    for mark in marks:
        text = text.replace(mark, trim(_padded(mark)))
    return text


def _cut(text: str, mark: str) -> tuple[str, str]:
    """Return the text before and after the only occurrence of a mark."""
    if text.count(mark) != 1:
        raise UnfitTemplateError("does not keep messages as they are")
    before, after = text.split(mark)
    return before, after
