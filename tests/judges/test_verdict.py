"""Verdicts are one JSON object, or none."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rao_gym.judges.verdict import MAX_REASON_CHARS, Verdict, read_verdict

GOOD = '{"reason": "fine", "score": 0.5}'


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        f"\n {GOOD} \n",
        f"```json\n{GOOD}\n```",
        f"```\n{GOOD}\n```",
        f'<think>Should I reply {{"score": 1}}?</think>\n{GOOD}',
        f"so it is half right</think>{GOOD}",
    ],
)
def test_a_verdict_may_be_thought_about_and_fenced(text: str) -> None:
    assert read_verdict(text) == Verdict(score=0.5, reason="fine")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not JSON"),
        ("0.5", "not a JSON object"),
        ("[0.5]", "not a JSON object"),
        (f"The verdict: {GOOD}", "not JSON"),
        (f"{GOOD} {GOOD}", "not JSON"),
        (f"{GOOD} I hope that helps!", "not JSON"),
        ('{"score": 1}', "keys must be reason and score, got score"),
        ('{"reason": "a", "score": 1, "bonus": 1}', "keys must be reason and score"),
        ('{"reason": "a", "score": 0, "score": 1}', "gives a key twice"),
        ('{"reason": 1, "score": 1}', "reason must be text"),
        ('{"reason": "a", "score": "1"}', "score must be a number"),
        ('{"reason": "a", "score": true}', "score must be a number"),
        ('{"reason": "a", "score": 1.01}', "score must be a number"),
        ('{"reason": "a", "score": -1}', "score must be a number"),
        ('{"reason": "a", "score": NaN}', "NaN is not a JSON value"),
        ('{"reason": "a", "score": 1e999}', "score must be a number"),
        ("[" * 100_000, "nested too deeply|not JSON"),
        ('{"reason": "a", "score": 1' + "0" * 5_000 + "}", "not JSON|digits|score must be"),
    ],
)
def test_all_else_is_none(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        read_verdict(text)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


@given(st.text() | st.recursive(st.none() | st.floats() | st.text(), lambda one: st.lists(one)).map(json.dumps))
def test_whatever_a_model_writes_is_read_or_refused(text: str) -> None:
    try:
        verdict = read_verdict(text)
    except ValueError:
        return
    assert verdict.score is None or 0 <= verdict.score <= 1


def test_reasons_have_an_end() -> None:
    assert len(read_verdict(json.dumps({"reason": "x" * 10**6, "score": None})).reason) == MAX_REASON_CHARS
