"""``rao/EmailSearch-v0``: questions whose answer is in one mail of a mailbox."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from rao_gym.errors import InvalidValueError
from rao_gym.jsonable import JSON
from rao_gym.limits import Limits
from rao_gym.policies.base import Policy
from rao_gym.tasks.agent import Agent
from rao_gym.tasks.base import SPLITS, LaunchRefusedError, Task, TaskFamily, rng
from rao_gym.tasks.content import content_hash
from rao_gym.tasks.email_search.mailbox import FiledMailbox, FiledQuestion, GeneratedMailbox, Mailbox
from rao_gym.tasks.email_search.parts import BY_DAYS_OR_PART, DAYS, Span, named_span, new_share, span_of_days
from rao_gym.tasks.email_search.policies import MailPolicy
from rao_gym.tasks.email_search.questions import Question, parse_question, questions_about
from rao_gym.tasks.email_search.schedule import Schedule, scheduled
from rao_gym.tasks.long_context.answers import same
from rao_gym.tasks.long_context.haystack import TextPath, path_of
from rao_gym.tasks.long_context.kinds.base import squeeze
from rao_gym.tasks.long_context.prose.dice import Dice
from rao_gym.tools import Parameter, ToolError, ToolResult, ToolSpec

MAX_RESULTS = 10
"""Mails that a search lists."""

_MAX_ATTEMPTS = 200
_SPLIT_PATTERN = ("train", "train", "train", "validation", "test")  # of every five questions of a file
_RULES = (
    "Your goal asks for something that one mail of a mailbox tells. search lists the latest of your mails that have "
    "all words of a query, read shows one. Many mails name a thing and do not tell: look for the one that does. All "
    "that appears in this conversation fills its window; past it you fail. {advice}If none of your mails tells, "
    "answer null."
)
_DELEGATE = "Sub-agents can search parts of your mails. "


@dataclass(frozen=True)
class Inbox:
    """The mails that an agent may search.

    Attributes:
        mailbox: The mailbox.
        span: The first of its mails, and the one after the last.
    """

    mailbox: Mailbox
    span: Span

    @property
    def num_mails(self) -> int:
        """Number of mails."""
        return self.span[1] - self.span[0]


class EmailSearch(TaskFamily[Inbox]):
    """Find the one mail of a mailbox that answers a question, alone or with the help of sub-agents.

    Args:
        mailbox: A mailbox file of yours, with questions, instead of generated ones; see `write_mailbox`. The
            difficulty changes nothing then.
        num_mails: Overrides the schedule, as does the option below; see `Schedule`.
        vagueness: How few clues the question gives, 0 to 3.

    Raises:
        InvalidValueError: A value is out of range, or options exclude each other.
        MissingFileError: The file does not exist or cannot be read.
        FileFormatError: The file is no mailbox, or damaged.
    """

    id = "rao/EmailSearch-v0"
    default_limits = Limits(window=3_072)
    launch_parameters = BY_DAYS_OR_PART
    launch_description = (
        "Ask a new agent about your mails of some days, or about a part of them; returns its answer. "
        "Without a goal, it gets your own."
    )
    goal_optional = True

    def __init__(
        self, *, mailbox: TextPath | None = None, num_mails: int | None = None, vagueness: int | None = None
    ) -> None:
        overrides = {"num_mails": num_mails, "vagueness": vagueness}
        self._overrides = {name: value for name, value in overrides.items() if value is not None}
        self.schedule(1)
        if mailbox is not None and self._overrides:
            raise InvalidValueError("mailbox= brings its own mails and questions; give no parameters with it.")
        self._file = None if mailbox is None else FiledMailbox(path_of("mailbox", mailbox))

    def schedule(self, difficulty: int) -> Schedule:
        """Return the parameters of a difficulty, with the user's own in place of the scheduled ones.

        Raises:
            InvalidValueError: One of the user's is out of range.
        """
        return scheduled(difficulty, **self._overrides)

    def sample(self, seed: int, split: str, index: int, difficulty: int) -> Task[Inbox]:
        """Return a task: a mailbox and a question about it."""
        rng(seed, split, index, difficulty)  # checks the values; a hash draws, which no version of NumPy changes
        if self._file is not None:
            return self._sample_filed(self._file, seed, split, index, difficulty)
        schedule = self.schedule(difficulty)
        mailbox = GeneratedMailbox(f"{self.id} {split} {seed} {index} {difficulty}", schedule.num_mails)
        question, answer = _draw_question(mailbox, schedule.vagueness)
        record = self.record(
            seed=seed,
            split=split,
            index=index,
            difficulty=difficulty,
            goal=question.render(),
            answer=answer,
            provenance="stated by one mail",
            parameters=asdict(schedule),
        )
        return Task(record=record, context=Inbox(mailbox, (0, len(mailbox))))

    def _sample_filed(self, file: FiledMailbox, seed: int, split: str, index: int, difficulty: int) -> Task[Inbox]:
        """Return the user's own question for an index; each seed has its own order of a split's questions.

        Raises:
            InvalidValueError: The split has no questions.
        """
        pool = [
            question
            for place, question in enumerate(file.questions)
            if _SPLIT_PATTERN[place % len(_SPLIT_PATTERN)] == split
        ]
        if not pool:
            raise InvalidValueError(
                f"{file.path} holds {len(file.questions)} questions, none of which is in split {split!r}."
            )
        order = np.random.default_rng(np.random.SeedSequence([seed, SPLITS.index(split)])).permutation(len(pool))
        asked = pool[int(order[index % len(pool)])]
        content = content_hash(file.content_hash, asked.question, asked.answer)[:12]
        record = self.record(
            seed=seed,
            split=split,
            index=index,
            difficulty=difficulty,
            goal=squeeze(asked.question),
            answer=asked.answer,
            provenance=f"{file.path}, mail {asked.mail}",
            parameters={"source": "mailbox", "content_hash": content, "num_mails": len(file)},
        )
        record = replace(record, id=f"{self.id}:mailbox:{split}:{content}")
        return Task(record=record, context=Inbox(file, (0, len(file))))

    def rules(self, *, recursive: bool) -> str:
        """Return the rules."""
        return _RULES.format(advice=_DELEGATE if recursive else "")

    def opening(self, agent: Agent[Inbox]) -> str:
        """Return an agent's goal and the mails that are its own."""
        inbox = agent.context
        days = inbox.mailbox.days
        first, after = inbox.span
        return f"Goal: {agent.goal}\nYour mails: {inbox.num_mails:,}, from {days[first]} to {days[after - 1]}."

    def tool_specs(self) -> Sequence[ToolSpec]:
        """Return `search` and `read`."""
        query = Parameter("query", "string", "Words, all of which a mail must have.")
        mail = Parameter("mail", "integer", "Its number.")
        return (
            ToolSpec("search", f"List the latest {MAX_RESULTS} mails that fit.", (query, *DAYS)),
            ToolSpec("read", "Show a mail.", (mail,)),
        )

    def call_tool(self, name: str, agent: Agent[Inbox], arguments: Mapping[str, Any]) -> ToolResult:
        """Search or show mails in the transcript; no variable holds them."""
        mailbox, span = agent.context.mailbox, agent.context.span
        mails = mailbox.mails
        if name == "read":
            number = arguments["mail"]
            if not span[0] <= number < span[1]:
                raise ToolError(f"your mails have the numbers {span[0]} to {span[1] - 1}, not {str(number)[:20]}.")
            mail = mails[number]
            return ToolResult(
                shown=f"#{number}\nDay: {mail.day}\nFrom: {mail.sender}\nSubject: {mail.subject}\n\n{mail.body}"
            )
        total, latest = mailbox.store.search(arguments["query"], *span_of_days(arguments, mailbox, span), MAX_RESULTS)
        shown = f"; the latest {len(latest)} are" if total > len(latest) else ""
        lines = [f"#{number} {mails[number].day} {mails[number].sender}: {mails[number].subject}" for number in latest]
        return ToolResult(shown="\n".join((f"Found {total}{shown}:", *lines)) if lines else "No mail fits.")

    def delegate(self, goal: str, agent: Agent[Inbox], arguments: Mapping[str, Any]) -> tuple[str, Inbox]:
        """Give a child a part of the mails; without a goal, its goal is the agent's own."""
        inbox = agent.context
        given = replace(inbox, span=named_span(arguments, inbox.mailbox, inbox.span))
        goal = goal if goal.strip() else agent.goal
        if given.span == inbox.span and _asks_the_same(goal, agent.goal):
            raise LaunchRefusedError("that is your own question about all of your mails. Name a part of them.")
        return goal, given

    def part_of(
        self, task: Task[Inbox], parent: Agent[Inbox], child: Agent[Inbox], siblings: Sequence[Agent[Inbox]]
    ) -> float:
        """Return the share of its parent's mails that a child is the first to get, with its parent's question."""
        if child.context.span == parent.context.span or not _asks_the_same(child.goal, parent.goal):
            return 0.0
        covered = [one.context.span for one in siblings if _asks_the_same(one.goal, parent.goal)]
        return new_share(child.context.span, parent.context.span, covered)

    def divisible(self, agent: Agent[Inbox]) -> bool:
        """Tell whether there is more than one mail."""
        return agent.context.num_mails > 1

    def verify(self, task: Task[Inbox], agent: Agent[Inbox], value: JSON) -> float | None:
        """Compare an answer with what the agent's own mails tell."""
        inbox = agent.context
        if isinstance(inbox.mailbox, FiledMailbox):
            asked = _filed(inbox.mailbox, agent.goal)
            if asked is None:
                return None
            return float(same(value, asked.answer if inbox.span[0] <= asked.mail < inbox.span[1] else None))
        question = parse_question(agent.goal)
        if question is None or not isinstance(inbox.mailbox, GeneratedMailbox):
            return None
        values = question.values(inbox.mailbox, *inbox.span)
        return float(any(same(value, each) for each in values) if values else same(value, None))

    def reference_policy(self) -> Policy:
        """Return a policy that lets sub-agents search parts of a large mailbox."""
        return MailPolicy(delegates=True)

    def single_policy(self) -> Policy:
        """Return a policy that searches alone."""
        return MailPolicy(delegates=False)


def _draw_question(mailbox: GeneratedMailbox, vagueness: int) -> tuple[Question, str]:
    """Draw a question that only one mail answers, as vague as asked for if there is one, and its answer."""
    dice = Dice(f"{mailbox.key} question")
    telling = [draft for draft in mailbox.drafts if draft.value]
    drawn = [dice.choice(telling) for _ in range(_MAX_ATTEMPTS)]
    candidates = zip(*(questions_about(draft, vagueness) for draft in drawn), strict=True)  # the vaguest first
    for question, draft in ((each, draft) for level in candidates for each, draft in zip(level, drawn, strict=True)):
        if question.values(mailbox, 0, len(mailbox)) == {draft.value}:
            return question, draft.value
    raise InvalidValueError(
        f"{mailbox.num_mails} mails hold no question that only one of them answers; set more mails."
    )


def _asks_the_same(one: str, other: str) -> bool:
    """Tell whether two goals ask for the same, in whatever words."""
    question = parse_question(one)
    return squeeze(one) == squeeze(other) or (question is not None and question == parse_question(other))


def _filed(file: FiledMailbox, goal: str) -> FiledQuestion | None:
    """Return a file's question by its words; None if it is none of them."""
    return next((each for each in file.questions if squeeze(each.question) == squeeze(goal)), None)
