"""Log-probabilities in chunks: equal to the naive way, in values, gradients and across architectures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import transformers
from peft import LoraConfig, get_peft_model
from tiny import VOCABULARY, tiny_model
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from rao_gym.errors import InvalidValueError
from rao_train.learning.logprobs import score_tokens, split_model

TOKENS_BT = torch.randint(0, VOCABULARY, (3, 20), generator=torch.Generator().manual_seed(0))
POSITIONS_P = torch.tensor([0, 1, 5, 18, 20, 21, 30, 38, 40, 45, 46, 47, 58])
"""Flattened positions; each predicts the token after it, so the last of a row is not among them."""


def naive(model: Any, temperature: float = 1.0) -> tuple[Tensor, Tensor]:
    """Return log-probabilities and entropies by way of the whole logits."""
    log_probs_BTV = torch.log_softmax(model(input_ids=TOKENS_BT).logits / temperature, dim=-1)
    log_probs_PV = log_probs_BTV.flatten(0, 1)[POSITIONS_P]
    targets_P = TOKENS_BT.flatten()[POSITIONS_P + 1]
    entropies_P = torch.distributions.Categorical(logits=log_probs_PV).entropy()
    return log_probs_PV[torch.arange(len(targets_P)), targets_P], entropies_P


def chunked(model: nn.Module, max_logits: int, temperature: float = 1.0) -> tuple[Tensor, Tensor]:
    """Return the same by `score_tokens`."""
    parts = split_model(model)
    hidden_PD = parts.hidden_states(TOKENS_BT).flatten(0, 1)[POSITIONS_P]
    targets_P = TOKENS_BT.flatten()[POSITIONS_P + 1]
    scores = score_tokens(parts, hidden_PD, targets_P, temperature=temperature, max_logits=max_logits)
    assert not scores.entropies_P.requires_grad
    return scores.logprobs_P, scores.entropies_P


def gradients(model: nn.Module, logprobs_P: Tensor) -> list[Tensor]:
    """Return the gradient of a weighted sum by every weight that is trained."""
    weights = [weights for weights in model.parameters() if weights.requires_grad]
    coefficients_P = torch.linspace(-1, 1, len(logprobs_P), dtype=logprobs_P.dtype)
    return list(torch.autograd.grad((coefficients_P * logprobs_P).sum(), weights))


@pytest.mark.parametrize(("max_logits", "temperature"), [(1, 1.0), (3 * VOCABULARY, 0.7), (10_000, 1.0)])
def test_values_and_gradients_are_those_of_the_naive_way(max_logits: int, temperature: float) -> None:
    model = tiny_model(dtype=torch.float64)
    expected, expected_entropies = naive(model, temperature)
    found, entropies = chunked(model, max_logits, temperature)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(entropies, expected_entropies)
    for ours, theirs in zip(gradients(model, found), gradients(model, expected), strict=True):
        torch.testing.assert_close(ours, theirs)


ARCHITECTURES: dict[str, dict[str, Any]] = {
    "LlamaConfig": {},
    "GPT2Config": {"n_layer": 2, "n_head": 2, "n_embd": 32},
    "Gemma2Config": {"head_dim": 16, "final_logit_softcapping": 2.0},
    "CohereConfig": {"logit_scale": 0.25},
    "GraniteConfig": {"logits_scaling": 3.0},
    "OPTConfig": {"ffn_dim": 64, "word_embed_proj_dim": 16},
    "MixtralConfig": {},
}


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_any_causal_language_model(name: str) -> None:
    options = {
        "vocab_size": VOCABULARY,
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 2,
        "max_position_embeddings": 64,
        "pad_token_id": 0,
    }
    torch.manual_seed(0)
    config = getattr(transformers, name)(**(options | ARCHITECTURES[name]))
    model = transformers.AutoModelForCausalLM.from_config(config).eval()
    expected, _ = naive(model)
    found, _ = chunked(model, 3 * VOCABULARY)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    for ours, theirs in zip(gradients(model, found), gradients(model, expected), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-5)


def test_adapters() -> None:
    adapted = get_peft_model(tiny_model(), LoraConfig(task_type="CAUSAL_LM", r=4, target_modules="all-linear"))
    with torch.no_grad():
        for weights in adapted.parameters():
            if weights.requires_grad:
                weights.normal_(std=0.2)
    expected, _ = naive(adapted)
    found, _ = chunked(adapted, 100)
    assert not torch.allclose(expected, naive(tiny_model())[0])
    torch.testing.assert_close(found, expected)
    for ours, theirs in zip(gradients(adapted, found), gradients(adapted, expected), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-5)


class LargestTensor(TorchDispatchMode):
    """Remembers the most elements that any operation's result had."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.num_elements = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        for tensor in result if isinstance(result, tuple | list) else [result]:
            if isinstance(tensor, Tensor):
                self.num_elements = max(self.num_elements, tensor.numel())
        return result


def test_no_tensor_is_as_large_as_the_logits_of_the_batch() -> None:
    """The largest tensors are the model's own weights and activations, in both passes."""
    vocabulary = 4_000
    model = tiny_model(vocab_size=vocabulary, hidden_size=8, intermediate_size=8)
    all_logits = TOKENS_BT.numel() * vocabulary
    with LargestTensor() as seen:
        gradients(model, naive(model)[0])
    assert seen.num_elements >= all_logits
    with LargestTensor() as seen:
        gradients(model, chunked(model, max_logits=2 * vocabulary)[0])
    assert seen.num_elements == vocabulary * 8  # the embeddings; a chunk's logits are 2 * vocabulary


def test_a_model_that_treats_its_logits_otherwise_is_refused() -> None:
    class Odd(transformers.Qwen3ForCausalLM):
        def forward(self, *args: Any, **kwargs: Any) -> Any:
            output = super().forward(*args, **kwargs)
            output.logits = output.logits * 1.5
            return output

    build: Callable[..., Any] = Odd  # how typed the constructor is depends on the version of transformers
    with pytest.raises(InvalidValueError, match="Odd computes its logits in a way that the trainer does not know"):
        split_model(build(tiny_model().config))
    with pytest.raises(InvalidValueError, match="Linear is not a causal language model"):
        split_model(nn.Linear(2, 2))


def test_looking_at_a_model_leaves_its_mode_alone() -> None:
    model = tiny_model().train()
    model.get_submodule("model.layers.0").eval()
    before = [module.training for module in model.modules()]
    split_model(model)
    assert [module.training for module in model.modules()] == before
