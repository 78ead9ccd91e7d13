"""Settings of engines and of tiny models follow the rules that all options follow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from rao_gym.errors import InvalidValueError
from rao_train.engines import EngineSettings, Sampling
from rao_train.models.tiny import TinyModelSettings


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        (Sampling, {"max_new_tokens": 0}, "max_new_tokens must be at least 1, got 0"),
        (Sampling, {"max_new_tokens": 2.0}, "max_new_tokens must be an integer of at least 1, got 2.0"),
        (Sampling, {"top_k": "3"}, "top_k must be an integer of at least 0, got '3'"),
        (Sampling, {"top_k": True}, "top_k must be an integer of at least 0, got True"),
        (Sampling, {"temperature": "hot"}, "temperature must be at least 0 and finite, got 'hot'"),
        (Sampling, {"temperature": float("inf")}, "temperature must be at least 0 and finite, got inf"),
        (Sampling, {"temperature": float("nan")}, "temperature must be at least 0 and finite, got nan"),
        (Sampling, {"top_p": None}, "top_p must be above 0 and at most 1, got None"),
        (EngineSettings, {"max_batch_tokens": 0.5}, "max_batch_tokens must be an integer of at least 1, got 0.5"),
        (EngineSettings, {"keep_sessions": "no"}, "keep_sessions must be True or False, got 'no'"),
        (TinyModelSettings, {"layers": "3"}, "layers must be an integer of at least 1, got '3'"),
        (TinyModelSettings, {"vocabulary": 299}, "vocabulary must be at least 300, got 299"),
        (TinyModelSettings, {"attention_window": -1}, "attention_window must be at least 0, got -1"),
        (TinyModelSettings, {"rope_theta": "1e6"}, "rope_theta must be above 0 and finite, got '1e6'"),
    ],
)
def test_unfit_values_are_named(kind: Callable[..., object], options: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidValueError) as caught:
        kind(**options)
    assert message in str(caught.value)


def test_counts_of_numpy_become_python_s() -> None:
    assert type(Sampling(max_new_tokens=np.int64(5)).max_new_tokens) is int  # type: ignore[arg-type]
    assert type(EngineSettings(max_batch_tokens=np.int32(5)).max_batch_tokens) is int  # type: ignore[arg-type]
    assert type(TinyModelSettings(layers=np.int64(2)).layers) is int  # type: ignore[arg-type]
