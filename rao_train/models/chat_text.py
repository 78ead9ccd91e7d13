"""What a chat template puts around messages, found out by rendering samples.

A transcript only grows: the model reads again exactly what it read and wrote before, so that one sequence of tokens
holds a whole conversation. A template renders each conversation anew and may put anything anywhere. Its text can be
cut into an opening and pieces that follow each other if it renders the samples below as the pieces say.

A piece is a list of texts, in which the template's own text and the contents of messages alternate: those at odd
places are contents.
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
    """A template that cannot be cut into pieces; the message goes on from "The chat template of X"."""


@dataclass(frozen=True, kw_only=True)
class Frame:
    """The text around messages.

    Attributes:
        before_reply: From the end of what the model wrote to the reply.
        after_reply: From the reply to where the model writes.
        lead: White space that the model writes before the text of its turn.
        dropped: What the template puts before what the model writes, but takes out again once the turn is over.
        trims: What the template does with the white space around actions and replies, by their role.
    """

    before_reply: str
    after_reply: str
    lead: str
    dropped: str
    trims: Mapping[str, Trim]


class ChatText:
    """The pieces that a conversation's text is made of, by a tokenizer's own chat template.

    Args:
        tokenizer: A tokenizer of `transformers` with a chat template.
        arguments: Further variables of the template, such as `enable_thinking`.

    Attributes:
        folds_system: Whether the system message is put in front of the user's first one, since the template has no
            place for it, or one that moves.
        frame: The text around messages.

    Raises:
        UnfitTemplateError: The template does not keep messages as they are, or moves what is around them.
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
                    raise UnfitTemplateError("renders a turn in another way once others follow it")

    def render(self, messages: Sequence[ChatMessage]) -> str:
        """Return messages as the template renders them, up to where the model writes.

        Raises:
            UnfitTemplateError: The template refuses them.
        """
        try:
            text: str = self._tokenizer.apply_chat_template(
                self._folded(messages), tokenize=False, add_generation_prompt=True, **self._arguments
            )
        except (TemplateError, TypeError, ValueError, LookupError) as error:
            raise UnfitTemplateError(f"refuses a conversation of system, user and model: {reason_of(error)}") from error
        return text

    def text(self, messages: Sequence[ChatMessage], *, as_rendered: bool = False) -> str:
        """Return messages as their pieces say, up to where the model writes.

        Args:
            messages: Opening messages, then actions and replies in turn.
            as_rendered: Without what the template takes out of earlier turns.
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
        """Return the piece of a node's first messages, up to where the model writes.

        Raises:
            UnfitTemplateError: The template refuses messages of these roles.
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
        # A template may do more to some content, such as a goal that a model made up: that content stays as it is.
        return next((piece for piece in pieces if "".join(piece) == rendered), pieces[0])

    def written(self, text: str) -> Piece:
        """Return the piece that the model writes, without the end of its turn."""
        return [self.frame.lead, self.frame.trims["assistant"](text)]

    def reply(self, text: str) -> Piece:
        """Return the piece from the end of what the model wrote to where it writes next."""
        return [self.frame.before_reply, self.frame.trims["user"](text), self.frame.after_reply]

    def _folded(self, messages: Sequence[ChatMessage]) -> list[ChatMessage]:
        """Return messages with the system message where the template can have it."""
        if not self.folds_system or len(messages) < 2 or messages[0]["role"] != "system":
            return list(messages)
        system, first, *rest = messages
        return [ChatMessage(role=first["role"], content=f"{system['content']}\n\n{first['content']}"), *rest]

    def _gaps_of(self, roles: Sequence[str]) -> tuple[Piece, list[int]]:
        """Return the text around opening messages of these roles, and the messages that stand in it."""
        marks = [f"MESSAGE-{place}-OF-THE-OPENING" for place in range(len(roles))]
        rest = self.render([ChatMessage(role=role, content=mark) for role, mark in zip(roles, marks, strict=True)])
        around, shown = [], []
        for place, (role, mark) in enumerate(zip(roles, marks, strict=True)):
            if role == "system" and mark not in rest:  # some templates leave the rules out
                continue
            before, rest = _cut(rest, mark)
            around.append(before)
            shown.append(place)
        return [*around, rest], shown

    def _measure(self) -> Frame:
        """Cut a sample at its messages."""
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
                f"shows {earlier!r} before what the model wrote earlier, but {prompt!r} before what it writes now"
            )
        return Frame(before_reply=before, after_reply=after, lead=lead, dropped=dropped, trims=self._trims(sample))

    def _trims(self, sample: Sequence[ChatMessage]) -> dict[str, Trim]:
        """Return what happens to the white space around actions and replies."""
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
    """Return conversations with what usually stands in them."""
    return [_conversation(contents) for contents in _SAMPLES]


def _conversation(contents: Sequence[str]) -> list[ChatMessage]:
    """Return rules, goal, then actions and replies in turn."""
    roles = ["system", "user", *["assistant", "user"] * (len(contents) // 2 - 1)]
    return [ChatMessage(role=role, content=content) for role, content in zip(roles, contents, strict=True)]


def _padded(text: str) -> str:
    """Return a text with white space around it."""
    return f"{_PADDING}{text}{_PADDING}"


def _replaced(text: str, marks: Sequence[str], trim: Trim) -> str:
    """Return a text in which marks have white space around them, as far as a trim leaves it."""
    for mark in marks:
        text = text.replace(mark, trim(_padded(mark)))
    return text


def _cut(text: str, mark: str) -> tuple[str, str]:
    """Return what is before and after the one place of a mark."""
    if text.count(mark) != 1:
        raise UnfitTemplateError("does not keep messages as they are")
    before, after = text.split(mark)
    return before, after
