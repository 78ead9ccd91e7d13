"""Chains of sources: the first that knows decides, and a failure is not a zero."""

from __future__ import annotations

from concurrent.futures import Future

import pytest
from judged import grown

from rao_gym.errors import InvalidValueError, PolicyError, UnknownNameError
from rao_gym.judges import Grading, SignalChain, parse_signals
from rao_gym.judges.loading import load_judge
from rao_gym.rewards import Signals, Source
from rao_gym.tree import Node, StopReason, TaskRecord

EXACT, JUDGE, ROOT, ZERO = Source


def half(node: Node) -> float:
    return 0.5


def unsure(node: Node) -> None:
    return None


def failing(node: Node) -> float:
    raise PolicyError("the server is down")


def signals(chain: str, judge: object = None, root: object = "right") -> Signals:
    """Return the signals of a tree with a verified root and one child that nothing verifies."""
    return Grading(signals=chain, judge=judge).chain("test/Counting-v0").signals(grown("x", root=root))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("chain", "judge", "by_node"),
    [
        ("exact", None, {0: 1.0}),
        ("exact,zero", None, {0: 1.0, 1: 0.0}),
        ("exact,root", None, {0: 1.0, 1: 1.0}),
        ("root", None, {0: 1.0, 1: 1.0}),
        ("judge", half, {0: 0.5, 1: 0.5}),
        ("exact,judge", half, {0: 1.0, 1: 0.5}),
        ("exact, judge", half, {0: 1.0, 1: 0.5}),
        ("judge,root", unsure, {0: 1.0, 1: 1.0}),
        ("judge,root", failing, {0: 1.0, 1: 1.0}),
        ("judge,exact", failing, {0: 1.0}),
        ("exact,judge", failing, {0: 1.0}),
        ("exact,judge", unsure, {0: 1.0}),
        ("exact,judge,zero", unsure, {0: 1.0, 1: 0.0}),
        ("exact,judge,zero", failing, {0: 1.0}),
        ("judge", failing, {}),
    ],
)
def test_the_first_source_that_knows_decides(chain: str, judge: object, by_node: dict[int, float]) -> None:
    found = signals(chain, judge)
    assert found.by_node == by_node
    assert set(found.unjudged) == {0, 1} - set(by_node)
    assert found.num_excluded == len(found.unjudged)
    assert set(found.sources) == set(by_node)


def test_failures_are_counted_whoever_decides_in_the_end() -> None:
    assert signals("judge,root", failing).num_failures == 2
    assert signals("judge,root", failing).sources == {0: ROOT, 1: ROOT}
    found = signals("exact,judge", failing)
    assert (found.num_failures, found.unjudged) == (1, {1: "the server is down"})
    assert signals("exact,judge", unsure).unjudged == {1: "no source of signals knows"}


def test_the_root_s_outcome_is_whatever_decided_about_the_root() -> None:
    def only_the_root(node: Node) -> float | None:
        return None if node.parent else 0.25

    assert signals("judge,root", only_the_root).by_node == {0: 0.25, 1: 0.25}
    assert signals("root", root=-1).by_node == {0: 0.0, 1: 0.0}


def test_an_unjudged_root_stands_in_for_nobody() -> None:
    def only_the_child(node: Node) -> float | None:
        if node.parent is None:
            raise PolicyError("down")
        return None

    found = signals("judge,root,zero", only_the_child)
    assert found.by_node == {0: 1.0, 1: 1.0}  # the root's own outcome is the verifier's
    tree = grown("x")
    tree.root.signal = None
    chain = SignalChain(parse_signals("judge,root,zero"), only_the_child)
    assert chain.signals(tree).by_node == {}
    assert chain.signals(tree).unjudged == {0: "down", 1: "its root has no signal"}


def test_the_judge_is_not_asked_about_nodes_that_failed_or_were_unanswered() -> None:
    asked: list[int] = []

    def noting(node: Node) -> float:
        asked.append(node.id)
        return 1.0

    tree = grown("x", "y", "z")
    tree.nodes[1].stop_reason, tree.nodes[1].signal = StopReason.OUT_OF_TURNS, 0.0
    tree.nodes[2].stop_reason = StopReason.CRASHED
    found = SignalChain((JUDGE,), noting).signals(tree)
    assert found.by_node == {0: 1.0, 1: 0.0, 3: 1.0}
    assert found.unjudged == {2: "its policy gave no answer"}
    assert asked == [0, 3]


class Later:
    """A judge that answers when it is told to."""

    def __init__(self) -> None:
        self.asked: dict[int, Future[float | None]] = {}

    def __call__(self, node: Node) -> float | None:
        return self.submit(node).result()

    def submit(self, node: Node, task: TaskRecord | None = None) -> Future[float | None]:
        return self.asked.setdefault(node.id, Future())


def test_a_judge_that_takes_many_nodes_is_asked_about_all_before_it_is_waited_for() -> None:
    judge = Later()
    pending = SignalChain((EXACT, JUDGE), judge).begin(grown("x", "y"))
    assert sorted(judge.asked) == [1, 2]
    done_before = pending.done
    judge.asked[1].set_result(0.5)
    judge.asked[2].set_exception(PolicyError("down"))
    assert (done_before, pending.done) == (False, True)
    assert pending.result().by_node == {0: 1.0, 1: 0.5}
    assert SignalChain((EXACT, JUDGE), judge).begin(grown()).done


@pytest.mark.parametrize(
    ("chain", "judge", "kind", "message"),
    [
        ("exakt", None, UnknownNameError, "Unknown source of signals 'exakt'. Did you mean 'exact'?"),
        ("exact,,root", None, UnknownNameError, "Unknown source of signals ''"),
        ("exact,exact", None, InvalidValueError, "each source once"),
        ("zero", None, InvalidValueError, "gives every node 0"),
        ("root,exact", None, InvalidValueError, "'root' leaves 'exact' nothing to decide. Name 'exact' first."),
        ("exact,zero,root", None, InvalidValueError, "'zero' leaves 'root' nothing"),
        ("exact,judge", None, InvalidValueError, "signals=exact,judge needs a judge: openai:MODEL"),
        ("exact,root", half, InvalidValueError, "never asks the judge"),
        (None, "critic", UnknownNameError, "Unknown judge 'critic'. Valid: openai:MODEL, module:name."),
        (None, "openai:", UnknownNameError, "Unknown judge 'openai:'"),
        (None, lambda: 1.0, InvalidValueError, "must be callable with (node)"),
        (None, "no_such_module:judge", InvalidValueError, "Cannot import 'no_such_module:judge'"),
    ],
)
def test_what_does_not_go_together_is_refused(
    chain: str | None, judge: object, kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind) as caught:
        Grading(signals=chain, judge=judge).chain("rao/Code-v0")  # type: ignore[arg-type]
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_char": 3}, "Unknown option of judge openai:m 'max_char'. Did you mean 'max_chars'"),
        ({"max_unanswered": 3}, "Unknown option of judge openai:m 'max_unanswered'"),
        ({"max_chars": 0}, "max_chars must be at least 1, got 0"),
        ({"timeout_s": 0}, "timeout_s must be above 0"),
        ({"base_url": "nowhere"}, "base_url must be a URL"),
        ({"rubric": "no/such.toml"}, "Cannot read the rubric 'no/such.toml'"),
        ({"cache": 3}, "cache must be a path, got 3"),
        ({"json_schema": "yes"}, "json_schema must be true or false, got 'yes'"),
    ],
)
def test_options_are_checked(options: dict[str, object], message: str) -> None:
    with pytest.raises((ValueError, FileNotFoundError)) as caught:
        load_judge("openai:m", "rao/Code-v0", options)
    assert message in str(caught.value)


def test_a_judge_returns_a_signal_or_nothing() -> None:
    with pytest.raises(InvalidValueError, match="from 0 to 1, or None if it cannot tell, got 2"):
        signals("judge", lambda node: 2)
    with pytest.raises(InvalidValueError, match="There is no judge that takes the option 'cache'"):
        Grading(judge_options={"cache": "x"}).chain("rao/Code-v0")
