"""Hostile, slow and broken candidates: they score by the tests they pass and disturb nothing."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from rao_gym.tasks.code.functions import Case, same_value
from rao_gym.tasks.code.judge import MAX_SOURCE_CHARS, Judge

CASES = [Case((number,), number) for number in range(6)]
GOOD = "def f(x):\n    return x\n"


@pytest.fixture(scope="module")
def judge() -> Iterator[Judge]:
    one = Judge()
    yield one
    one.close()


def passes(judge: Judge, source: str, cases: list[Case] | None = None) -> list[bool]:
    chosen = CASES if cases is None else cases
    return [outcome.passed for outcome in judge.run(source, {"f": chosen})["f"]]


HOSTILE = {
    "endless": "def f(x):\n    while True:\n        pass",
    "endless import": "while True:\n    pass",
    "memory": "def f(x):\n    y = 'a'\n    while True:\n        y += y",
    "one large value": "def f(x):\n    return 'a' * 10**12",
    "recursion": "def f(x):\n    return f(x)",
    "os": "import os\ndef f(x):\n    os.remove('/etc/hosts')\n    return x",
    "subprocess": "import subprocess\ndef f(x):\n    return x",
    "open": "def f(x):\n    open('/etc/passwd')\n    return x",
    "exit": "def f(x):\n    raise SystemExit(0)",
    "base exception": "def f(x):\n    raise BaseException('no')",
    "interrupt": "def f(x):\n    raise KeyboardInterrupt()",
    "always equal": "class A:\n    def __eq__(self, other):\n        return True\ndef f(x):\n    return A()",
    "deep value": "def f(x):\n    y = []\n    for i in range(100000):\n        y = [y]\n    return y",
    "value that holds itself": "def f(x):\n    y = []\n    y.append(y)\n    return y",
    "coroutine": "async def f(x):\n    return x",
    "function": "def f(x):\n    return f",
    "host function": "def f(x):\n    return launch_subagent('x')",
    "calls without end": (
        "def f(x):\n    while True:\n        try:\n            nothing(1)\n        except NameError:\n            pass"
    ),
    "never comes": "async def g():\n    await launch_subagent('x')\nawait g()\n" + GOOD,
    "wrong type": "def f(x):\n    return float(x)",
    "boolean": "def f(x):\n    return x == 1",
    "text": "def f(x):\n    return str(x)",
    "nothing": "def f(x):\n    pass",
    "no such function": "def g(x):\n    return x",
    "fenced": f"```python\n{GOOD}```",
    "junk": "\x00\x01 hello ))",
    "empty": "",
    "too long": GOOD + "#" * MAX_SOURCE_CHARS,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_candidate_scores_nothing_and_disturbs_nothing(judge: Judge, name: str) -> None:
    assert sum(passes(judge, HOSTILE[name])) <= (name == "boolean")
    assert passes(judge, GOOD) == [True] * 6


def test_one_endless_call_costs_that_call_only(judge: Judge) -> None:
    source = "def f(x):\n    while x == 2:\n        pass\n    return x"
    assert passes(judge, source) == [True, True, False, True, True, True]


def test_after_two_lost_sessions_the_rest_counts_as_failed(judge: Judge) -> None:
    source = "def f(x):\n    return 'a' * 10**12 if x in (1, 2) else x"
    assert passes(judge, source) == [True, False, False, False, False, False]


def test_an_exception_costs_that_call_only(judge: Judge) -> None:
    assert passes(judge, "def f(x):\n    if x == 3:\n        raise ValueError('no')\n    return x") == [
        x != 3 for x in range(6)
    ]


@pytest.mark.parametrize("value", ["{}", "-{}", "[{}]", "({}, 1)", "[[{}]]", "{{{}: {}}}", "{{{}}}"])
def test_an_integer_too_long_to_write_is_a_failed_case(judge: Judge, value: str) -> None:
    long = value.replace("{}", "10**5000").replace("{{", "{").replace("}}", "}")
    (outcome,) = judge.run(f"def f(x):\n    return {long}", {"f": CASES[:1]})["f"]
    assert not outcome.passed
    assert "an integer of 16,610 bits" in outcome.got
    assert len(outcome.got) < 200


def test_printing_megabytes_is_allowed_and_dropped(judge: Judge, capfd: pytest.CaptureFixture[str]) -> None:
    assert passes(judge, "def f(x):\n    for i in range(20):\n        print('x' * 100000)\n    return x") == [True] * 6
    assert "xxx" not in capfd.readouterr().out


def test_arguments_are_copies(judge: Judge) -> None:
    shared = [3, 1, 2]
    cases = [Case((shared,), 3), Case((shared,), 3)]
    assert passes(judge, "def f(x):\n    x.append(9)\n    return len(x) - 1", cases) == [True, True]
    assert shared == [3, 1, 2]


def test_redefined_builtins_are_the_candidates_own(judge: Judge) -> None:
    source = "len = sorted = list = repr = None\ndef type(x):\n    return int\n" + GOOD
    assert passes(judge, source) == [True] * 6
    assert passes(judge, "def f(x):\n    return len([0] * x)") == [True] * 6


def test_nothing_is_left_of_a_candidate(judge: Judge) -> None:
    assert passes(judge, "secret = 5\n" + GOOD) == [True] * 6
    assert passes(judge, "def f(x):\n    return secret") == [False] * 6


def test_values_are_compared_with_their_types() -> None:
    assert same_value([1, (2.0, "a")], [1, (2.0 + 1e-12, "a")])
    assert same_value({"b": 1, "a": [True]}, {"a": [True], "b": 1})
    assert same_value(float("nan"), float("nan"))
    for expected, got in (
        (1, True),
        (1, 1.0),
        ([1], (1,)),
        ([1], [1, 2]),
        ({"a": 1}, {"a": 2}),
        ({"a": 1}, {}),
        ({1: "a"}, {True: "a"}),
        (1.0, 1.0001),
        ("a", b"a"),
        (None, 0),
    ):
        assert not same_value(expected, got)
        assert not same_value(got, expected)


def test_a_candidate_sees_nothing_from_outside(judge: Judge) -> None:
    outcome = judge.run("def f(x):\n    return finish(x)", {"f": CASES[:1]})["f"][0]
    assert "NameError" in outcome.got


class Killing(int):
    """A number that kills processes when it is written out for the first time."""

    def __new__(cls, value: int, victims: list[int]) -> Killing:
        number = super().__new__(cls, value)
        number.victims = victims
        return number

    victims: list[int]

    def __repr__(self) -> str:
        while self.victims:
            os.kill(self.victims.pop(), signal.SIGKILL)
        return str(int(self))


def child_processes() -> set[int]:
    return {int(pid) for pid in Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()}


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs /proc to find the worker")
def test_a_killed_worker_is_replaced() -> None:
    judge = Judge()
    before = child_processes()
    assert passes(judge, GOOD) == [True] * 6
    workers = list(child_processes() - before)
    assert len(workers) == 1
    cases = [*CASES[:2], Case((Killing(2, workers),), 2), *CASES[3:]]
    assert passes(judge, GOOD, cases) == [True] * 6
    assert workers == []
    judge.close()
