"""``rao/LongContext-v0``: questions about documents that are longer than the window."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from rao_gym.errors import InvalidValueError
from rao_gym.jsonable import JSON
from rao_gym.limits import Limits
from rao_gym.policies.base import Policy
from rao_gym.tasks.agent import Agent
from rao_gym.tasks.base import LaunchRefusedError, Task, TaskFamily, rng
from rao_gym.tasks.long_context.answers import same
from rao_gym.tasks.long_context.documents import Document, Passage
from rao_gym.tasks.long_context.haystack import Haystack, Library, TextPath, hide, read_haystack
from rao_gym.tasks.long_context.kinds import (
    KIND_NAMES,
    KINDS,
    MIXED,
    PROSE_KINDS,
    check_kind,
    has_prose,
    is_fact,
    parse_question,
)
from rao_gym.tasks.long_context.kinds.base import squeeze
from rao_gym.tasks.long_context.page_policies import PagePolicy, ReadPolicy
from rao_gym.tasks.long_context.parts import named_part
from rao_gym.tasks.long_context.policies import ReadingPolicy
from rao_gym.tasks.long_context.question_files import QuestionFile
from rao_gym.tasks.long_context.schedule import Schedule, scheduled
from rao_gym.tasks.long_context.scoring import EXACT, OOLONG, checked_scoring, nearness
from rao_gym.tasks.long_context.sharing import is_fair_share, is_same_work, new_share
from rao_gym.tasks.long_context.views import COUNT, LinesView, PagesView
from rao_gym.tools import ToolResult, ToolSpec

_HIDDEN = list(dict.fromkeys(kind.hides for kind in PROSE_KINDS.values()))
_CONTENTS = f" Hidden in its prose are {', '.join(_HIDDEN[:-1])}, or {_HIDDEN[-1]}."


class LongContext(TaskFamily[Passage]):
    """Find, follow, count and compare in documents longer than the window.

    Args:
        kind: ``needle``, ``trace``, ``frequency``, ``aggregate``, ``pairs``, or ``mixed`` for one of them drawn
            for each task; or ``pages``, which has no prose.
        variant: Of ``needle``: ``single``, ``multi_key``, ``multi_value`` or ``multi_query``; drawn for each task
            when None.
        programmatic: Give each node its passage as a string in its Python session, instead of `read`.
        scoring: ``exact``, or ``oolong`` to score a number by how near it is; see `nearness`.
        text: File, folder or list of them with prose to hide facts in; the built-in prose when None.
        questions: JSON-lines file of ``context``, ``question`` and ``answer`` to ask instead of the kinds. The
            difficulty changes nothing then.
        document_tokens: Overrides the schedule, as do the options below; see `Schedule`.
        num_keys: Keys that have a code.
        num_values: Codes of one key.
        num_queries: Keys asked for.
        num_hops: Steps of a trail.
        num_trails: Trails.
        num_words: Distinct coined words.
        num_people: People in records.
        num_pages: Pages.
        page_letters: Letters of a page.
        fact_share: Share of the text that are records or coined words.

    Raises:
        UnknownNameError: There is no such kind, variant or scoring.
        InvalidValueError: A value is out of range, or options exclude each other.
        MissingFileError: A file of the user's does not exist or cannot be read.
        FileFormatError: A file of the user's is not what it should be.
    """

    id = "rao/LongContext-v0"
    kinds = KIND_NAMES
    default_limits = Limits(window=2_048)
    goal_optional = True

    def __init__(
        self,
        *,
        kind: str = MIXED,
        variant: str | None = None,
        programmatic: bool = False,
        scoring: str = EXACT,
        text: TextPath | Sequence[TextPath] | None = None,
        questions: TextPath | None = None,
        document_tokens: int | None = None,
        num_keys: int | None = None,
        num_values: int | None = None,
        num_queries: int | None = None,
        num_hops: int | None = None,
        num_trails: int | None = None,
        num_words: int | None = None,
        num_people: int | None = None,
        num_pages: int | None = None,
        page_letters: int | None = None,
        fact_share: float | None = None,
    ) -> None:
        check_kind(kind, variant)
        self.kind = kind
        self.variant = variant
        self.programmatic = _checked_flag("programmatic", programmatic)
        self.scoring = checked_scoring(scoring)
        self.action_forms = ("python",) if programmatic else ("python", "tools")
        overrides: dict[str, int | float | None] = {
            "document_tokens": document_tokens,
            "num_keys": num_keys,
            "num_values": num_values,
            "num_queries": num_queries,
            "num_hops": num_hops,
            "num_trails": num_trails,
            "num_words": num_words,
            "num_people": num_people,
            "num_pages": num_pages,
            "page_letters": page_letters,
            "fact_share": fact_share,
        }
        self._overrides = {name: value for name, value in overrides.items() if value is not None}
        schedule = self.schedule(1)
        if questions is not None and (kind != MIXED or variant or text is not None or self._overrides):
            raise InvalidValueError(
                "questions= brings its own text and tasks; give no kind, text or parameters with it."
            )
        if text is not None and not has_prose(kind):
            raise InvalidValueError(f"kind {kind!r} has no prose, so that text= changes nothing.")
        if scoring != EXACT and not has_prose(kind):
            raise InvalidValueError(f"kind {kind!r} asks for a digit, which is right or wrong: leave scoring exact.")
        self._view = (
            LinesView(_CONTENTS if questions is None else "") if has_prose(kind) else PagesView(schedule.page_letters)
        )
        self.launch_parameters = self._view.launch_parameters
        self.launch_description = self._view.launch_description
        self._haystack: Haystack = Library() if text is None else read_haystack(text, is_fact)
        self._questions = None if questions is None else QuestionFile.read(questions)

    def schedule(self, difficulty: int) -> Schedule:
        """Return the parameters of a difficulty, with the user's own in place of the scheduled ones.

        Raises:
            InvalidValueError: One of the user's is out of range.
        """
        return scheduled(difficulty, **self._overrides)

    def sample(self, seed: int, split: str, index: int, difficulty: int) -> Task[Passage]:
        """Return a task: a document and a question about it."""
        generator = rng(seed, split, index, difficulty)
        if self._questions is not None:
            return self._sample_question(self._questions, seed, split, index, difficulty)
        kind = KINDS[str(generator.choice(list(PROSE_KINDS))) if self.kind == MIXED else self.kind]
        variant = (
            self.variant
            if self.variant and self.variant in kind.variants
            else str(generator.choice(list(kind.variants)))
        )
        schedule = self.schedule(difficulty)
        draft = kind.variants[variant](generator, schedule)
        document = (
            hide(draft.sentences, draft.facts, self._haystack, schedule.document_tokens, generator)
            if kind.prose
            else Document(tuple(draft.sentences), draft.facts)
        )
        question = draft.question_about(document)
        passage = Passage(document, 0, len(document.lines))
        parameters: dict[str, JSON] = {
            "kind": kind.name,
            "variant": variant,
            "source": self._haystack.source if kind.prose else "letters",
            "num_lines": len(document.lines),
            **asdict(schedule),
        }
        record = self.record(
            seed=seed,
            split=split,
            index=index,
            difficulty=difficulty,
            goal=question.render(),
            answer=question.truth(passage),
            provenance="computed from the facts hidden in the document",
            parameters=parameters,
        )
        return Task(record=record, context=passage)

    def _sample_question(
        self, questions: QuestionFile, seed: int, split: str, index: int, difficulty: int
    ) -> Task[Passage]:
        """Return the user's own question for an index.

        Its id says nothing of seed and index: who draws a question twice has drawn one task twice.
        """
        item = questions.pick(seed, split, index)
        passage = Passage(item.document, 0, len(item.document.lines))
        record = self.record(
            seed=seed,
            split=split,
            index=index,
            difficulty=difficulty,
            goal=item.question,
            answer=item.answer,
            provenance=f"{questions.path}, line {item.number}",
            parameters={
                "source": "questions",
                "content_hash": item.content_hash,
                "document_tokens": passage.num_tokens,
                "num_lines": len(item.document.lines),
            },
        )
        record = replace(record, id=f"{self.id}:questions:{split}:{item.content_hash}")
        return Task(record=record, context=passage)

    def rules(self, *, recursive: bool) -> str:
        """Return the rules."""
        return self._view.rules(programmatic=self.programmatic, recursive=recursive)

    def opening(self, agent: Agent[Passage]) -> str:
        """Return an agent's goal and what it needs to know of its passage."""
        return self._view.opening(agent)

    def tool_specs(self) -> Sequence[ToolSpec]:
        """Return the tools that show the passage, unless the text is in the session."""
        return () if self.programmatic else self._view.tools

    def call_tool(self, name: str, agent: Agent[Passage], arguments: Mapping[str, Any]) -> ToolResult:
        """Show lines in the transcript, so that no variable holds them, or count pages."""
        if name == COUNT:
            return ToolResult(value=agent.context.end - agent.context.start)
        return ToolResult(shown=self._view.show(agent.context, arguments))

    def variables(self, agent: Agent[Passage]) -> Mapping[str, Any]:
        """Return the passage's text, where the user asked for it."""
        return {"context": agent.context.text} if self.programmatic else {}

    def delegate(self, goal: str, agent: Agent[Passage], arguments: Mapping[str, Any]) -> tuple[str, Passage]:
        """Give a child a part of the passage; without a goal, its goal is the agent's own."""
        passage = named_part(agent.context, arguments, self._view.unit)
        if goal.strip():
            if is_same_work(agent.goal, goal, agent.context, passage):
                raise LaunchRefusedError("that is your own question about all of your lines. Name a part of them.")
            return goal, passage
        question = parse_question(agent.goal)
        if question is not None and question.part != question:
            raise LaunchRefusedError("answers for parts do not combine into yours. Give a goal whose answers do.")
        if (passage.start, passage.end) == (agent.context.start, agent.context.end):
            raise LaunchRefusedError("those are all of your lines. Name a part of them.")
        return agent.goal, passage

    def part_of(
        self, task: Task[Passage], parent: Agent[Passage], child: Agent[Passage], siblings: Sequence[Agent[Passage]]
    ) -> float | None:
        """Return the share of its parent's lines that a child is the first to get, with a question that helps.

        It must get fewer lines than its parent, and no trifle. Of the user's own questions, nobody knows which others
        help; the same one about fewer lines does.
        """
        if not is_fair_share(child.context, parent.context):
            return 0.0
        if task.record.parameters["source"] == "questions":
            if squeeze(child.goal) != squeeze(parent.goal):
                return None
            asked_before = [one.context for one in siblings if squeeze(one.goal) == squeeze(parent.goal)]
            return new_share(child.context, parent.context, asked_before)
        question, asked = parse_question(parent.goal), parse_question(child.goal)
        if question is None or asked is None or not question.needs(asked, child.context):
            return 0.0
        others = [(parse_question(one.goal), one.context) for one in siblings]
        covered = [lines for other, lines in others if other is not None and other.needs(asked, child.context)]
        return new_share(child.context, parent.context, covered)

    def divisible(self, agent: Agent[Passage]) -> bool:
        """Tell whether there is more than one line."""
        return agent.context.end - agent.context.start > 1

    def verify(self, task: Task[Passage], agent: Agent[Passage], value: JSON) -> float | None:
        """Compare an answer with the truth about the passage, for every goal in the family's words."""
        goal, context = agent.goal, agent.context
        if task.record.parameters["source"] == "questions":
            whole = context.start == 0 and context.end == len(context.document.lines)
            return self._score(value, task.record.answer) if whole and goal == task.goal else None
        question = parse_question(goal)
        if question is None:
            return None
        near = nearness(value, question.truth(context)) if self.scoring == OOLONG else None
        return question.score(value, context) if near is None else near

    def _score(self, value: JSON, truth: JSON) -> float:
        """Compare an answer with the right one to a question of the user's own."""
        near = nearness(value, truth) if self.scoring == OOLONG else None
        return float(same(value, truth)) if near is None else near

    def reference_policy(self) -> Policy:
        """Return a policy that splits what does not fit, and merges."""
        return ReadingPolicy(delegates=True) if has_prose(self.kind) else PagePolicy()

    def single_policy(self) -> Policy:
        """Return a policy that reads what it can, and answers from that."""
        return ReadingPolicy(delegates=False) if has_prose(self.kind) else ReadPolicy()

    def why_not(self, actions: str) -> str:
        """Explain why the text cannot be in a session that is not there."""
        return f"{self.id} with programmatic=True needs the action form python, not {actions}: it has the text in it."


def _checked_flag(name: str, value: object) -> bool:
    """Check that a value is true or false.

    Raises:
        InvalidValueError: It is not.
    """
    if not isinstance(value, bool):
        raise InvalidValueError(f"{name} must be True or False, got {value!r}.")
    return value
