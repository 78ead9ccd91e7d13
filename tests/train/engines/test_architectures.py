"""Every architecture either generates with the learner's log-probabilities, or is refused in one line."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from architectures import ARCHITECTURES, VOCABULARY

from rao_gym.errors import InvalidValueError
from rao_train.engines import Completion, EngineSettings, Request, Sampling, TransformersEngine
from rao_train.learning.learner import Learner
from rao_train.learning.settings import LearnerSettings
from rao_train.rollout.trajectory import TokenSequence

END = 1
NUM_TURNS = 3
TEMPERATURE = 2.0
DOCUMENTED = dict(
    re.findall(
        r"^\| ([^|]+?) \| `\w+` \| (kept|read anew|refused) \| (?:shared|padded|-) \|$",
        (Path(__file__).parents[3] / "docs" / "models.md").read_text(),
        re.MULTILINE,
    )
)
REFUSED = [name for name, conversations in DOCUMENTED.items() if conversations == "refused"]


def learner_logprobs(
    learner: Learner, requests: Sequence[Request], completions: Sequence[Completion]
) -> list[list[float]]:
    """Return what the learner makes of each completion, all of them in one padded batch."""
    sequences = [
        TokenSequence(
            tokens_T=np.array([*request.ids, *completion.ids], dtype=np.int32),
            mask_T=np.arange(len(request.ids) + len(completion.ids)) >= len(request.ids),
        )
        for request, completion in zip(requests, completions, strict=True)
    ]
    return [logprobs_T.tolist() for logprobs_T in learner.logprobs(sequences)]


def test_the_table_in_the_documentation_lists_these_architectures() -> None:
    assert DOCUMENTED.keys() == ARCHITECTURES.keys()


@pytest.mark.parametrize("name", REFUSED)
def test_a_model_whose_cache_gives_other_logits_is_refused_in_one_line(name: str) -> None:
    model = ARCHITECTURES[name].build()
    with pytest.raises(InvalidValueError, match=rf"\A{ARCHITECTURES[name].model_name} .*\.\Z"):
        TransformersEngine(Learner(model, LearnerSettings()).model, [END])


@pytest.mark.parametrize("name", [name for name in ARCHITECTURES if name not in REFUSED])
def test_engine_and_learner_agree_whether_conversations_are_kept_or_read_anew(name: str) -> None:
    model = ARCHITECTURES[name].build()
    learner = Learner(model, LearnerSettings(), temperature=TEMPERATURE)
    keeping = TransformersEngine(model, [END])
    forgetting = TransformersEngine(model, [END], EngineSettings(keep_sessions=False))
    rng = np.random.default_rng(0)
    # The first three conversations open alike; some rows end early, and not all take part in every turn.
    transcripts = [[int(token) for token in rng.integers(2, VOCABULARY, size=length)] for length in (5, 5, 5, 11, 2)]
    transcripts[1], transcripts[2] = list(transcripts[0]), list(transcripts[0])
    for turn in range(NUM_TURNS):
        acting = [place for place in range(len(transcripts)) if turn != 1 or place % 2 == 0]
        batch = [Request(transcripts[place], (turn, place), place) for place in acting]
        kept, anew = (
            engine.generate(batch, Sampling(temperature=TEMPERATURE, max_new_tokens=8))
            for engine in (keeping, forgetting)
        )
        learned = learner_logprobs(learner, batch, kept)
        for place, one, other, expected in zip(acting, kept, anew, learned, strict=True):
            assert one.ids == other.ids
            assert one.logprobs == pytest.approx(other.logprobs, abs=1e-4)
            assert one.logprobs == pytest.approx(expected, abs=1e-4)
            reply = [int(token) for token in rng.integers(2, VOCABULARY, size=rng.integers(1, 5))]
            transcripts[place] += [*one.ids, *reply]
    assert DOCUMENTED[name] == ("kept" if keeping.num_kept else "read anew")
