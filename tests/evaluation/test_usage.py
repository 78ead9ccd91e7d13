"""What models used, summed over trees."""

from __future__ import annotations

from typing import Any

import pytest

from rao_gym.evaluation.usage import check_usage, sum_usage


def test_totals_are_by_model_and_latencies_become_percentiles() -> None:
    first = {"a": {"calls": 2, "prompt_tokens": 5, "ended": {"finished": 2}, "latency_s": [0.3, 0.1]}}
    second = {
        "a": {"calls": 1, "prompt_tokens": 1, "cost": 0.5, "ended": {"length": 1}, "latency_s": [0.2]},
        "b": {"calls": 1, "ended": {"finished": 1}, "latency_s": []},
    }
    assert sum_usage([first, {}, second]) == {
        "a": {
            "calls": 3,
            "prompt_tokens": 6,
            "cost": 0.5,
            "ended": {"finished": 2, "length": 1},
            "latency_p50_s": 0.2,
            "latency_p90_s": 0.3,
            "latency_p99_s": 0.3,
        },
        "b": {"calls": 1, "ended": {"finished": 1}},
    }


@pytest.mark.parametrize(
    "entry",
    [
        5,
        {},
        {"calls": "x", "ended": {}, "latency_s": []},
        {"ended": [], "latency_s": []},
        {"ended": {}, "latency_s": ["x"]},
    ],
)
def test_what_a_file_holds_in_its_place_is_checked(entry: Any) -> None:
    with pytest.raises(ValueError, match="usage of 'm'"):
        check_usage({"m": entry})
