"""``rao/DeepSearch-v0``: multi-hop questions about a generated encyclopedia."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rao_gym.errors import nearest, shortened
from rao_gym.jsonable import JSON
from rao_gym.limits import Limits
from rao_gym.policies.base import Policy
from rao_gym.tasks.agent import Agent
from rao_gym.tasks.base import LaunchRefusedError, Task, TaskFamily, rng
from rao_gym.tasks.deep_search.encyclopedia import Encyclopedia
from rao_gym.tasks.deep_search.parts import BY_QUESTION_OR_PART, PARAMETER_NAMES, named_piece
from rao_gym.tasks.deep_search.policies import SearchPolicy
from rao_gym.tasks.deep_search.questions import Question, parse_question
from rao_gym.tasks.deep_search.sampling import draw_question
from rao_gym.tasks.deep_search.schedule import Schedule, scheduled
from rao_gym.tasks.deep_search.solutions import Fact, Solution, solve
from rao_gym.tasks.long_context.kinds.base import squeeze
from rao_gym.tools import Parameter, ToolError, ToolResult, ToolSpec

MAX_RESULTS = 5
"""Pages that a search lists."""

_RULES = (
    "Your goal asks about an encyclopedia. search lists the pages that fit a query best, open shows one. Several pages "
    "may be about things of the same name: mind what their first sentences say. Answer with a page's title or a year, "
    "and several questions with a list. All that appears in this conversation fills its window; past it you fail. "
    '{advice}If the encyclopedia does not tell, answer "unknown".'
)
_DELEGATE = "Give questions, or parts of a long one, to sub-agents. "


@dataclass(frozen=True)
class Inquiry:
    """What an agent works on.

    Attributes:
        encyclopedia: The encyclopedia.
        question: The goal, if it is in the family's words.
    """

    encyclopedia: Encyclopedia
    question: Question | None

    @property
    def solution(self) -> Solution | None:
        """What is true of the question; None if that cannot be told."""
        return None if self.question is None else solve(self.question, self.encyclopedia)

    @property
    def facts(self) -> frozenset[Fact]:
        """The facts that lead to the answers."""
        solution = self.solution
        return frozenset() if solution is None else solution.facts


class DeepSearch(TaskFamily[Inquiry]):
    """Answer chains of questions by searching an encyclopedia, alone or with the help of sub-agents.

    Args:
        chained: Share of the sub-questions that begin with the answer to the one before: 0 for independent ones, 1
            for a single chain.
        num_questions: Overrides the schedule, as do the options below; see `Schedule`.
        num_hops: Facts that lead to each answer.
        num_pages: Pages of the encyclopedia.

    Raises:
        InvalidValueError: A value is out of range.
    """

    id = "rao/DeepSearch-v0"
    default_limits = Limits(window=3_072, max_turns=50)
    launch_parameters = BY_QUESTION_OR_PART
    launch_description = (
        "Ask a new agent one of your questions, a part of them, or the goal that you write out; returns its answer."
    )
    goal_optional = True

    def __init__(
        self,
        *,
        chained: float = 0.5,
        num_questions: int | None = None,
        num_hops: int | None = None,
        num_pages: int | None = None,
    ) -> None:
        overrides: dict[str, Any] = {
            "chained": chained,
            "num_questions": num_questions,
            "num_hops": num_hops,
            "num_pages": num_pages,
        }
        self._overrides = {name: value for name, value in overrides.items() if value is not None}
        self.schedule(1)

    def schedule(self, difficulty: int) -> Schedule:
        """Return the parameters of a difficulty, with the user's own in place of the scheduled ones.

        Raises:
            InvalidValueError: One of the user's is out of range.
        """
        return scheduled(difficulty, **self._overrides)

    def sample(self, seed: int, split: str, index: int, difficulty: int) -> Task[Inquiry]:
        """Return a task: an encyclopedia and a question about it."""
        rng(seed, split, index, difficulty)  # checks the values; a hash draws, which no version of NumPy changes
        schedule = self.schedule(difficulty)
        encyclopedia = Encyclopedia(f"{self.id} {split} {seed} {index} {difficulty}", schedule.num_pages)
        question = draw_question(encyclopedia, schedule)
        inquiry = Inquiry(encyclopedia, question)
        solution = inquiry.solution
        record = self.record(
            seed=seed,
            split=split,
            index=index,
            difficulty=difficulty,
            goal=question.render(),
            answer=None if solution is None else solution.answer,
            provenance="followed in the facts that the pages tell",
            parameters=asdict(schedule),
        )
        return Task(record=record, context=inquiry)

    def rules(self, *, recursive: bool) -> str:
        """Return the rules."""
        return _RULES.format(advice=_DELEGATE if recursive else "")

    def opening(self, agent: Agent[Inquiry]) -> str:
        """Return an agent's goal."""
        return f"Goal: {agent.goal}\nThe encyclopedia has {agent.context.encyclopedia.num_pages:,} pages."

    def tool_specs(self) -> Sequence[ToolSpec]:
        """Return `search` and `open`."""
        query = Parameter("query", "string", "Words to search for.")
        page = Parameter("page", "string", "Its title.")
        return (
            ToolSpec("search", f"List up to {MAX_RESULTS} pages with their first sentences.", (query,)),
            ToolSpec("open", "Show a page.", (page,)),
        )

    def call_tool(self, name: str, agent: Agent[Inquiry], arguments: Mapping[str, Any]) -> ToolResult:
        """Search or show pages in the transcript; no variable holds them."""
        encyclopedia = agent.context.encyclopedia
        if name == "search":
            found = [encyclopedia.pages[place] for place in encyclopedia.index.search(arguments["query"], MAX_RESULTS)]
            lines = [f"{number}. {page.title}: {page.sentences[0]}" for number, page in enumerate(found, start=1)]
            return ToolResult(shown="\n".join(lines) or "No page has any of these words.")
        title = arguments["page"]
        page = encyclopedia.page_of(title)
        if page is None:
            hint = nearest(title, [entity.title for entity in encyclopedia.entities])
            suggestion = f" Did you mean {hint!r}?" if hint else " Search for it."
            raise ToolError(f"no page has the title {shortened(title)!r}.{suggestion}")
        return ToolResult(shown=page.text)

    def delegate(self, goal: str, agent: Agent[Inquiry], arguments: Mapping[str, Any]) -> tuple[str, Inquiry]:
        """Give a child a part of the agent's own question by name, or a goal that is written out."""
        own = agent.context
        names_part = any(arguments.get(name) not in (None, "") for name in PARAMETER_NAMES)
        if not goal.strip():
            if own.question is None:
                raise LaunchRefusedError("your goal has no numbered parts. Write out a goal.")
            question = named_piece(own.question, arguments, own.encyclopedia)
            return question.render(), Inquiry(own.encyclopedia, question)
        if names_part:
            raise LaunchRefusedError("write out a goal, or name a question or a part, not both.")
        given = Inquiry(own.encyclopedia, parse_question(goal))
        is_same = squeeze(goal) == squeeze(agent.goal) or (own.facts and own.facts <= given.facts)
        if is_same:
            raise LaunchRefusedError("that is all of your own question. Name a part of it.")
        return goal, given

    def part_of(
        self, task: Task[Inquiry], parent: Agent[Inquiry], child: Agent[Inquiry], siblings: Sequence[Agent[Inquiry]]
    ) -> float:
        """Return the share of the facts that its parent needs which a child is the first to be asked for."""
        own, asked = parent.context.facts, child.context.facts
        if not own or own <= asked:
            return 0.0
        asked_before = frozenset[Fact]().union(*(sibling.context.facts for sibling in siblings))
        return len((own & asked) - asked_before) / len(own)

    def divisible(self, agent: Agent[Inquiry]) -> bool | None:
        """Tell whether there is more than one question or step."""
        question = agent.context.question
        return None if question is None else question.num_units > 1

    def verify(self, task: Task[Inquiry], agent: Agent[Inquiry], value: JSON) -> float | None:
        """Compare an answer with the facts, for every goal in the family's words."""
        solution = agent.context.solution
        return None if solution is None else float(solution.is_answered_by(value))

    def reference_policy(self) -> Policy:
        """Return a policy that gives its questions to sub-agents where they do not fit in its window."""
        return SearchPolicy(delegates=True)

    def single_policy(self) -> Policy:
        """Return a policy that searches alone for as long as its window lasts."""
        return SearchPolicy(delegates=False)
