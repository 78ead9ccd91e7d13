"""Chains of signal sources, such as ``exact,judge,root``: the first source that has a signal decides."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from itertools import pairwise
from typing import Final, Protocol, runtime_checkable

from rao_gym.errors import InvalidValueError, unknown_name
from rao_gym.rewards import (
    WITHOUT_JUDGE,
    Judge,
    Signals,
    Source,
    asks_judge,
    judgements_of,
    success_signals,
)
from rao_gym.tree import ExecutionTree, Node, TaskRecord

SEPARATOR: Final = ","


@runtime_checkable
class ConcurrentJudge(Judge, Protocol):
    """A judge that answers about many nodes at once."""

    def submit(self, node: Node, task: TaskRecord | None = None) -> Future[float | None]:
        """Ask about a node of a task's tree, and return at once."""


def parse_signals(text: str) -> tuple[Source, ...]:
    """Return the sources that a text such as ``exact,judge,root`` names, in order.

    Raises:
        UnknownNameError: There is no such source.
        InvalidValueError: A source comes twice, or after one that leaves it nothing to decide.
    """
    names = [name.strip() for name in text.split(SEPARATOR)] if isinstance(text, str) else [repr(text)]
    for name in names:
        if name not in list(Source):
            raise unknown_name("source of signals", name, [source.value for source in Source])
    if len(set(names)) < len(names):
        raise InvalidValueError(f"signals must name each source once, got {text!r}.")
    sources = tuple(map(Source, names))
    if sources == (Source.ZERO,):
        raise InvalidValueError("signals=zero gives every node 0. Name a source before it, as in exact,zero.")
    for before, after in pairwise(sources):
        if before is Source.ZERO or (before is Source.ROOT and after is not Source.ZERO):
            raise InvalidValueError(
                f"signals={text!r}: {before.value!r} leaves {after.value!r} nothing to decide. "
                f"Name {after.value!r} first."
            )
    return sources


def check_judge(sources: Sequence[Source], *, has_judge: bool) -> None:
    """Check that signals come from a judge if and only if there is one.

    Raises:
        InvalidValueError: They do not go together.
    """
    text = SEPARATOR.join(sources)
    if Source.JUDGE in sources and not has_judge:
        raise InvalidValueError(f"signals={text} needs a judge: openai:MODEL, or module:name for your own.")
    if has_judge and Source.JUDGE not in sources:
        raise InvalidValueError(f"signals={text} never asks the judge. Add it, as in exact,judge.")


class SignalChain:
    """Sources of signals in order, and the judge among them.

    Args:
        sources: The sources, as `parse_signals` returns them.
        judge: The judge, if the sources have one.

    Attributes:
        sources: The sources.
        judge: The judge.

    Raises:
        InvalidValueError: The sources have a judge, but none is given, or the other way round.
    """

    def __init__(self, sources: Sequence[Source], judge: Judge | None = None) -> None:
        check_judge(sources, has_judge=judge is not None)
        self.sources = tuple(sources)
        self.judge = judge

    @property
    def text(self) -> str:
        """The sources as a user writes them, such as ``exact,judge,root``."""
        return SEPARATOR.join(self.sources)

    def begin(self, tree: ExecutionTree) -> PendingSignals:
        """Begin to judge a finished tree; a judge that can take many nodes at once is not waited for."""
        return PendingSignals(tree, self.sources, self.judge)

    def signals(self, tree: ExecutionTree) -> Signals:
        """Return the signals of a finished tree."""
        return self.begin(tree).result()

    def close(self) -> None:
        """Close the judge, if it can be closed."""
        close = getattr(self.judge, "close", None)
        if callable(close):
            close()


class PendingSignals:
    """The signals of a tree, for which a judge may still be at work.

    Args:
        tree: A finished tree.
        sources: The sources of signals.
        judge: The judge among them.
    """

    def __init__(self, tree: ExecutionTree, sources: Sequence[Source], judge: Judge | None) -> None:
        self._tree, self._sources, self._judge = tree, sources, judge
        self._futures: dict[int, Future[float | None]] = {}
        if isinstance(judge, ConcurrentJudge):
            asked = [node for node in tree.nodes if asks_judge(node, sources)]
            self._futures = {node.id: judge.submit(node, tree.task) for node in asked}
        self._found = None if self._futures else success_signals(tree, judge, sources)

    @property
    def done(self) -> bool:
        """Whether `result` returns at once."""
        return self._found is not None or all(future.done() for future in self._futures.values())

    def result(self) -> Signals:
        """Wait for the judge, record in the tree what it says, and return the signals.

        The paper's proxy is not recorded: it follows from the tree.

        Raises:
            InvalidValueError: The judge returned something else than a signal.
        """
        if self._found is None:
            self._found = success_signals(self._tree, lambda node: self._futures[node.id].result(), self._sources)
        if tuple(self._sources) != WITHOUT_JUDGE:
            self._tree.judgements = judgements_of(self._found)
        return self._found
