"""How agents see their passages: as numbered lines of prose, or as bare pages that are read all at once."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from rao_gym.tasks.agent import Agent
from rao_gym.tasks.long_context.documents import Passage
from rao_gym.tasks.long_context.parts import BY_LINES_OR_PART, BY_PART, range_error
from rao_gym.tools import Parameter, ToolError, ToolSpec

COUNT = "count"

_WINDOW = "All that appears in this conversation fills its window; past it you fail."


class View(ABC):
    """What agents are told of their passages, and how they name parts of them.

    Attributes:
        unit: What agents know a line as.
        tools: The tools that show lines.
        launch_parameters: The parameters of a launch after the goal.
        launch_description: What a launch does.
    """

    unit: ClassVar[str]
    tools: ClassVar[tuple[ToolSpec, ...]]
    launch_parameters: ClassVar[tuple[Parameter, ...]]
    launch_description: ClassVar[str]

    @abstractmethod
    def rules(self, *, programmatic: bool, recursive: bool) -> str:
        """Return the rules."""

    @abstractmethod
    def opening(self, agent: Agent[Passage]) -> str:
        """Return an agent's goal and what it needs to know of its passage."""

    @abstractmethod
    def show(self, passage: Passage, arguments: Mapping[str, Any]) -> str:
        """Return what `read` shows of a passage.

        Raises:
            ToolError: The lines that the arguments name are not in it.
        """


@dataclass(frozen=True)
class LinesView(View):
    """Lines of a document with their numbers.

    Attributes:
        contents: What is hidden in the document, as a sentence; empty if nobody knows.
    """

    contents: str

    unit = "line"
    tools = (
        ToolSpec(
            "read",
            "Show lines start to end-1 of yours.",
            (Parameter("start", "integer", "First line."), Parameter("end", "integer", "Line after the last.")),
        ),
    )
    launch_parameters = BY_LINES_OR_PART
    launch_description = (
        "Ask a new agent about lines start to end-1, or a part, of yours; returns its answer. "
        "Without a goal, it gets your own."
    )

    def rules(self, *, programmatic: bool, recursive: bool) -> str:
        """Return the rules."""
        access = "read() shows some of them."
        if programmatic:
            access = (
                "The variable `context` holds their text, one a line: line number start + i of the document is "
                "`context.split('\\n')[i]`."
            )
        advice = "Give parts of long passages to sub-agents and combine their answers. " if recursive else ""
        return (
            f"Your goal asks about your lines of a long document.{self.contents} {access} {_WINDOW} {advice}"
            'If your lines do not tell, answer "unknown".'
        )

    def opening(self, agent: Agent[Passage]) -> str:
        """Return an agent's goal and the lines that are its own."""
        context = agent.context
        return (
            f"Goal: {agent.goal}\nYour lines: start={context.start}, end={context.end} (the line after the last), "
            f"about {context.num_tokens:,} tokens."
        )

    def show(self, passage: Passage, arguments: Mapping[str, Any]) -> str:
        """Return lines with their numbers."""
        start, end = arguments["start"], arguments["end"]
        if not passage.start <= start < end <= passage.end:
            raise ToolError(range_error(passage, start, end))
        return passage.numbered(start, end)


@dataclass(frozen=True)
class PagesView(View):
    """Pages without numbers, in few words.

    A small model does not know what a number means that it was not trained on, so the opening says in words whether
    there is more than one page; `count` tells the number to those that can use it.

    Attributes:
        page_letters: Letters of a page.
    """

    page_letters: int

    unit = "page"
    tools = (ToolSpec("read", "Show all of your pages."), ToolSpec(COUNT, "Return how many pages you have."))
    launch_parameters = BY_PART
    launch_description = (
        "Ask a new agent about a part of your pages; returns its answer. Without a goal, it gets your own."
    )

    def rules(self, *, programmatic: bool, recursive: bool) -> str:
        """Return the rules."""
        access = "The variable `context` holds them, one a line." if programmatic else "read() shows all of them."
        advice = " Give parts of many pages to sub-agents and combine their answers." if recursive else ""
        return f"Your goal asks about your pages. A page has {self.page_letters} letters. {access} {_WINDOW}{advice}"

    def opening(self, agent: Agent[Passage]) -> str:
        """Return an agent's goal and whether it has one page or several."""
        pages = "one page" if agent.context.end - agent.context.start == 1 else "several pages"
        return f"Goal: {agent.goal}\nYou have {pages}."

    def show(self, passage: Passage, arguments: Mapping[str, Any]) -> str:
        """Return all pages, one a line."""
        return passage.text
