"""The transformers engine: what it writes, what it says of its log-probabilities, what it keeps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    Lfm2Config,
    Lfm2ForCausalLM,
    MambaConfig,
    MambaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    PreTrainedModel,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from rao_gym.errors import InvalidValueError
from rao_train.engines import EngineSettings, Request, Sampling, TransformersEngine
from rao_train.engines.transformers import draw

VOCABULARY, END = 37, 1
SIZES: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "initializer_range": 0.3,
}


def qwen3() -> PreTrainedModel:
    torch.manual_seed(0)
    return Qwen3ForCausalLM(
        Qwen3Config(
            **SIZES,
            head_dim=8,
        )
    )


def gpt2() -> PreTrainedModel:
    torch.manual_seed(0)
    return GPT2LMHeadModel(GPT2Config(vocab_size=VOCABULARY, n_embd=32, n_layer=2, n_head=4, n_positions=128))


def mistral_with_a_sliding_window() -> PreTrainedModel:
    torch.manual_seed(0)
    return MistralForCausalLM(
        MistralConfig(
            **SIZES,
            sliding_window=6,
        )
    )


def lfm2_with_convolutions() -> PreTrainedModel:
    torch.manual_seed(0)
    return Lfm2ForCausalLM(
        Lfm2Config(
            **SIZES,
            layer_types=["conv", "full_attention"],
        )
    )


def requests(seed: int, number: int) -> list[Request]:
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, 20, size=number)
    return [
        Request([int(token) for token in rng.integers(2, VOCABULARY, size=length)], seed=(seed, place))
        for place, length in enumerate(lengths)
    ]


def logprobs_of(model: PreTrainedModel, request: Request, ids: list[int], temperature: float) -> torch.Tensor:
    """Compute the log-probabilities of a completion in one pass over the whole sequence."""
    sequence = torch.tensor([[*request.ids, *ids]])
    with torch.no_grad():
        logits = model.eval()(sequence).logits[0, len(request.ids) - 1 : -1]
    return torch.log_softmax(logits.float() / temperature, dim=-1).gather(1, torch.tensor(ids)[:, None])[:, 0]


@pytest.mark.parametrize("build", [qwen3, gpt2, mistral_with_a_sliding_window, lfm2_with_convolutions])
@pytest.mark.parametrize("temperature", [0.7, 1.0])
def test_logprobs_are_those_of_one_pass_over_the_sequence(build, temperature):  # type: ignore[no-untyped-def]
    model = build()
    engine = TransformersEngine(model, [END])
    batch = requests(3, 12)
    for request, completion in zip(
        batch, engine.generate(batch, Sampling(temperature=temperature, max_new_tokens=9)), strict=True
    ):
        expected = logprobs_of(model, request, completion.ids, temperature)
        assert completion.logprobs == pytest.approx(expected.tolist(), abs=2e-5)
        assert completion.ended == (completion.ids[-1] == END)
        assert END not in completion.ids[:-1]
        assert completion.ended or len(completion.ids) == 9


def test_greedy_is_what_generate_of_transformers_writes() -> None:
    model = qwen3()
    for request, completion in zip(
        requests(5, 6),
        TransformersEngine(model, [END]).generate(requests(5, 6), Sampling(temperature=0, max_new_tokens=8)),
        strict=True,
    ):
        generate: Any = model.generate
        expected = generate(
            torch.tensor([list(request.ids)]), do_sample=False, max_new_tokens=8, eos_token_id=END, pad_token_id=0
        )
        assert completion.ids == expected[0, len(request.ids) :].tolist()


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), number=st.integers(1, 12))
def test_a_completion_does_not_depend_on_its_batch(seed: int, number: int) -> None:
    engine = TransformersEngine(qwen3(), [END], EngineSettings(max_batch_tokens=120))
    sampling = Sampling(max_new_tokens=6)
    batch = requests(seed, number)
    together = engine.generate(batch, sampling)
    alone = [engine.generate([request], sampling)[0] for request in batch]
    assert [completion.ids for completion in together] == [completion.ids for completion in alone]


def test_equal_prompts_with_different_seeds_get_different_draws() -> None:
    prompt = requests(1, 1)[0].ids
    completions = TransformersEngine(qwen3(), [END]).generate(
        [Request(prompt, seed=(place,)) for place in range(20)], Sampling(max_new_tokens=4)
    )
    assert len({tuple(completion.ids) for completion in completions}) > 5


@pytest.mark.parametrize("build", [qwen3, mistral_with_a_sliding_window])
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10_000), number_of_turns=st.integers(2, 4))
def test_a_kept_conversation_goes_on_as_if_it_were_read_anew(
    build: Callable[[], PreTrainedModel], seed: int, number_of_turns: int
) -> None:
    model = build()
    keeping, forgetting = (
        TransformersEngine(model, [END]),
        TransformersEngine(model, [END], EngineSettings(keep_sessions=False)),
    )
    sampling = Sampling(max_new_tokens=5)
    rng = np.random.default_rng(seed)
    transcripts = [list(request.ids) for request in requests(seed, 7)]
    for turn in range(number_of_turns):
        acting = [place for place in range(7) if turn == 0 or rng.random() < 0.7]
        batch = [Request(transcripts[place], seed=(seed, turn, place), session=place) for place in acting]
        kept, anew = keeping.generate(batch, sampling), forgetting.generate(batch, sampling)
        assert [completion.ids for completion in kept] == [completion.ids for completion in anew]
        for one, other in zip(kept, anew, strict=True):
            assert one.logprobs == pytest.approx(other.logprobs, abs=2e-5)
        for place, completion in zip(acting, kept, strict=True):
            transcripts[place] += [
                *completion.ids,
                *(int(token) for token in rng.integers(2, VOCABULARY, size=rng.integers(1, 9))),
            ]
    assert keeping.num_kept == 7
    keeping.release(0)
    assert keeping.num_kept == 6
    keeping.sync_weights(1)
    assert keeping.num_kept == forgetting.num_kept == 0


def test_models_that_do_not_attend_in_every_layer_keep_no_conversation(caplog: pytest.LogCaptureFixture) -> None:
    engine = TransformersEngine(lfm2_with_convolutions(), [END])
    assert "Lfm2ForCausalLM cannot keep conversations" in caplog.text
    engine.generate([Request([5, 6, 7], seed=(0,), session="a")], Sampling(max_new_tokens=3))
    assert engine.num_kept == 0


def test_a_model_that_keeps_its_past_in_another_way_is_named() -> None:
    model = MambaForCausalLM(MambaConfig(vocab_size=VOCABULARY, hidden_size=16, num_hidden_layers=1, state_size=4))
    with pytest.raises(InvalidValueError, match="MambaForCausalLM does not give the same logits with a cache"):
        TransformersEngine(model, [END])


class Positionless(Qwen3ForCausalLM):
    """A model that counts columns, padding included, instead of taking positions."""

    def forward(self, input_ids: torch.Tensor, position_ids: Any = None, **inputs: Any) -> Any:
        start = inputs["past_key_values"].get_seq_length() if inputs.get("past_key_values") is not None else 0
        positions = 7 * torch.arange(start, start + input_ids.shape[1])[None] ** 2  # rotary ones are relative
        return super().forward(input_ids=input_ids, position_ids=positions, **inputs)


def test_a_model_that_takes_no_positions_is_refused() -> None:
    positionless: Any = Positionless
    model = positionless(qwen3().config)
    with pytest.raises(InvalidValueError, match=r"Positionless does not give the same logits.*they differ by"):
        TransformersEngine(model, [END])


def test_draws_follow_the_distribution() -> None:
    logits = torch.log(torch.tensor([[0.5, 0.3, 0.2]])).expand(3000, 3)
    uniforms = torch.from_numpy(np.random.default_rng(0).random(3000))
    tokens, logprobs = draw(logits, uniforms, Sampling())
    assert torch.bincount(tokens, minlength=3).div(3000).tolist() == pytest.approx([0.5, 0.3, 0.2], abs=0.03)
    assert logprobs[tokens == 2][0].item() == pytest.approx(np.log(0.2), abs=1e-5)


def test_top_p_and_top_k_narrow_what_is_drawn_and_not_the_logprobs() -> None:
    logits = torch.log(torch.tensor([[0.2, 0.5, 0.3]])).expand(500, 3)
    uniforms = torch.from_numpy(np.random.default_rng(0).random(500))
    nucleus, logprobs = draw(logits, uniforms, Sampling(top_p=0.6))
    assert set(nucleus.tolist()) == {1, 2}
    assert logprobs[nucleus == 1][0].item() == pytest.approx(np.log(0.5), abs=1e-5)
    assert set(draw(logits, uniforms, Sampling(top_k=1))[0].tolist()) == {1}
    assert set(draw(logits, uniforms, Sampling(top_k=2))[0].tolist()) == {1, 2}


def test_training_mode_is_given_back() -> None:
    model = qwen3().train()
    TransformersEngine(model, [END]).generate([Request([3], seed=(0,))], Sampling(max_new_tokens=1))
    assert model.training


@pytest.mark.parametrize(
    "values", [{"temperature": -1.0}, {"top_p": 0.0}, {"top_p": 1.5}, {"top_k": -1}, {"max_new_tokens": 0}]
)
def test_bad_sampling_values_are_named(values: dict[str, float]) -> None:
    with pytest.raises(InvalidValueError, match=next(iter(values))):
        Sampling(**values)  # type: ignore[arg-type]
