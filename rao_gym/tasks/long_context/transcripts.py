"""The transcript as the scripted policies read it, and the actions that they write, in either action form."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from rao_gym.actions.writing import write_call, write_cell
from rao_gym.jsonable import JSON
from rao_gym.limits import count_tokens_approximately
from rao_gym.policies.base import Turn
from rao_gym.tasks.long_context.kinds import parse_question
from rao_gym.tasks.long_context.kinds.base import Question
from rao_gym.tasks.named_parts import SIDES
from rao_gym.tools import FINISH, LAUNCH
from rao_gym.tree import ChatMessage

READ = "read"

_OPENING = re.compile(
    r"Goal: (?P<goal>.*)\nYour lines: start=(?P<start>\d+), end=(?P<end>\d+) .*? about (?P<tokens>[\d,]+) tokens\.",
    re.DOTALL,
)
_NUMBERED = re.compile(r"^(\d+): (.*)$", re.MULTILINE)
_RESPONSE = re.compile(r"<tool_response>\n(.*?)\n</tool_response>", re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class Notes:
    """What an agent knows from its transcript.

    Attributes:
        question: What it was asked; None when the goal is not in the family's words.
        start: Its first line.
        end: The line after its last.
        num_tokens: Tokens of its lines, without their numbers.
        seen: The lines that it has read, by number.
        answers: What its sub-agents answered; None before it launched any.
    """

    question: Question | None
    start: int
    end: int
    num_tokens: int
    seen: dict[int, str]
    answers: list[JSON] | None

    @property
    def unread(self) -> int:
        """The first line that it has not read."""
        return max(self.seen, default=self.start - 1) + 1

    @property
    def tokens_per_line(self) -> float:
        """Tokens that a line takes in a transcript, with its number."""
        number = (len(str(self.end)) + len(": ")) / 4
        return self.num_tokens / max(1, self.end - self.start) + number


def take_notes(messages: Sequence[ChatMessage]) -> Notes | None:
    """Read a transcript; None when it does not begin as this family's do."""
    opening = _OPENING.match(messages[1]["content"])
    if opening is None:
        return None
    seen: dict[int, str] = {}
    answers: list[JSON] | None = None
    for action, reply in zip(messages[2::2], messages[3::2], strict=False):
        if LAUNCH in action["content"]:
            answers = [*(answers or []), *answers_in(reply["content"])]
        else:
            seen |= {int(number): line for number, line in _NUMBERED.findall(reply["content"])}
    return Notes(
        question=parse_question(opening["goal"]),
        start=int(opening["start"]),
        end=int(opening["end"]),
        num_tokens=int(opening["tokens"].replace(",", "")),
        seen=seen,
        answers=answers,
    )


def write_read(turn: Turn, start: int, end: int, first: int) -> str:
    """Return the action that shows lines start..end-1 of a passage whose first line is `first`."""
    if turn.actions == "tools":
        return write_call(READ, start=start, end=end)
    if any(spec.name == READ for spec in turn.tools):
        return write_cell(f"{READ}({start}, {end})")
    return write_cell(
        f'for number, line in enumerate(context.split("\\n")[{start - first}:{end - first}], {start}):\n'
        '    print(f"{number}: {line}")'
    )


def write_launches(turn: Turn, goal: str, ranges: Sequence[tuple[int, int]]) -> str:
    """Return the action that asks one sub-agent about each range of lines, all at once."""
    if turn.actions == "tools":
        return "\n".join(write_call(LAUNCH, goal=goal, start=start, end=end) for start, end in ranges)
    return write_cell(
        "import json\n"
        f"goal = {goal!r}\n"
        f"ranges = {list(ranges)!r}\n"
        f"answers = await asyncio.gather(*[{LAUNCH}(goal, start, end) for start, end in ranges])\n"
        "print(json.dumps(answers))"
    )


def write_read_all(turn: Turn) -> str:
    """Return the action that shows all pages."""
    if turn.actions == "tools":
        return write_call(READ)
    return write_cell(f"{READ}()" if any(spec.name == READ for spec in turn.tools) else "print(context)")


def write_halves(turn: Turn) -> str:
    """Return the action that asks one's own question about both halves at once."""
    if turn.actions == "tools":
        return "\n".join(write_call(LAUNCH, part=side) for side in SIDES)
    return write_cell(
        "import json\n"
        f"answers = await asyncio.gather(*[{LAUNCH}(part=part) for part in {SIDES!r}])\n"
        "print(json.dumps(answers))"
    )


def write_finish(turn: Turn, answer: JSON) -> str:
    """Return the action that hands back an answer."""
    return write_call(FINISH, answer=answer) if turn.actions == "tools" else write_cell(f"{FINISH}({answer!r})")


def launch_tokens(turn: Turn, goal: str, max_answer_tokens: int) -> tuple[int, int]:
    """Return what launching takes of the window: once, and for every sub-agent with its answer."""
    one = count_tokens_approximately(write_launches(turn, goal, [(10**6, 10**6)]))
    if turn.actions == "tools":
        response = count_tokens_approximately("<tool_response>\n\n</tool_response>\n")
        return 0, one + response + max_answer_tokens
    return one, count_tokens_approximately("(1000000, 1000000), , ") + max_answer_tokens


def answers_in(reply: str) -> list[JSON]:
    """Return the values that launches returned; a sentence about a failure stays text."""
    responses = _RESPONSE.findall(reply)
    if responses:
        return [_value(response) for response in responses]
    values = _value(reply.partition("\n")[0])
    return values if isinstance(values, list) else [values]


def _value(text: str) -> JSON:
    """Return what a JSON text holds, or the text."""
    try:
        value: JSON = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return value
