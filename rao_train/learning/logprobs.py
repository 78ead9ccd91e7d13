"""Log-probabilities of given tokens, without the logits of the whole batch.

A causal language model is a decoder, which gives a hidden state for every position, and a head, which projects it
to the vocabulary. The [B, T, V] logits are by far the largest tensor of a training step. Here only the positions
that predict a generated token are projected, a chunk of them at a time, and a chunk's logits are computed again
in the backward pass instead of being kept. The suffix _C stands for the tokens of one chunk.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from peft import PeftModel
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint
from transformers import PreTrainedModel

from rao_gym.errors import InvalidValueError, reason_of

DEFAULT_MAX_LOGITS = 2**25
"""Logits that live at once: 128 MiB for each copy in float32."""


@dataclass(frozen=True, kw_only=True, eq=False)
class DecoderAndHead:
    """A causal language model, split where hidden states become logits.

    Attributes:
        decoder: Takes token ids, gives hidden states.
        head: Projects hidden states to the vocabulary.
        vocabulary: Number of logits of one position.
        scale: Multiplies the head's output, in models that scale it.
        softcap: Bounds the logits by ``softcap * tanh(logits / softcap)``, in models that do; None in others.
    """

    decoder: nn.Module
    head: nn.Module
    vocabulary: int
    scale: float = 1.0
    softcap: float | None = None

    def hidden_states(self, tokens_BT: Tensor) -> Tensor:
        """Return the hidden states, [B, T, D], of sequences that are padded on the right.

        No attention mask is needed: attention is causal, so what follows a token cannot change its state.
        """
        hidden_BTD: Tensor = self.decoder(input_ids=tokens_BT, use_cache=False).last_hidden_state
        return hidden_BTD

    def logits(self, hidden_PD: Tensor) -> Tensor:
        """Return the logits of these hidden states, [P, V]."""
        logits_PV: Tensor = self.head(hidden_PD)
        if self.scale != 1.0:
            logits_PV = logits_PV * self.scale
        if self.softcap is not None:
            logits_PV = torch.tanh(logits_PV / self.softcap) * self.softcap
        return logits_PV


def split_model(model: nn.Module) -> DecoderAndHead:
    """Split a causal language model of `transformers`, or a PEFT model around one.

    Raises:
        InvalidValueError: The model has no decoder or no head, it cannot be run, or it does more with its logits than
            scale and cap them, which shows when the two parts are compared with the whole.
    """
    causal: Any = model.get_base_model() if isinstance(model, PeftModel) else model
    name = type(causal).__name__
    head = causal.get_output_embeddings() if hasattr(causal, "get_output_embeddings") else None
    decoder = _decoder_of(causal)
    if head is None or decoder is None:
        raise InvalidValueError(f"{name} is not a causal language model with a decoder and output embeddings.")
    config = causal.config.get_text_config()
    parts = DecoderAndHead(
        decoder=decoder,
        head=head,
        vocabulary=head.weight.shape[0],
        scale=(getattr(config, "logit_scale", None) or 1.0) / (getattr(config, "logits_scaling", None) or 1.0),
        softcap=getattr(config, "final_logit_softcapping", None),
    )
    _check_parts(model, parts, name)
    return parts


def _decoder_of(causal: Any) -> nn.Module | None:
    """Return the part that gives hidden states: the one that the model names, or else its only model inside."""
    named: Any = causal.get_decoder() if hasattr(causal, "get_decoder") else None
    if isinstance(named, nn.Module) and named is not causal:
        return named
    inside = [child for child in causal.children() if isinstance(child, PreTrainedModel)]
    return inside[0] if len(inside) == 1 else None


def _check_parts(model: nn.Module, parts: DecoderAndHead, name: str) -> None:
    """Compare decoder and head with the whole model on three tokens."""
    was_training = [module for module in model.modules() if module.training]
    model.eval()
    tokens_BT = torch.arange(3, device=next(model.parameters()).device)[None]
    try:
        with torch.no_grad():
            ours_PV = parts.logits(parts.hidden_states(tokens_BT)[0]).float()
            whole_PV = model(input_ids=tokens_BT, use_cache=False).logits[0].float()
    except torch.OutOfMemoryError:
        raise
    except Exception as error:  # whatever a model's own code raises, with adapters around layers it looks into
        reason = f"{type(error).__name__}: {reason_of(error)}"
        raise InvalidValueError(f"{name} cannot read three tokens as it is set up ({reason}).") from error
    for module in was_training:
        module.training = True
    if not torch.allclose(ours_PV, whole_PV, rtol=1e-2, atol=1e-2 * float(whole_PV.abs().max()), equal_nan=True):
        raise InvalidValueError(f"{name} computes its logits in a way that the trainer does not know.")


@dataclass(frozen=True, kw_only=True, eq=False)
class TokenScores:
    """What the policy thinks of given tokens.

    Attributes:
        logprobs_P: log π of each token, [P], float32 or wider, with gradient.
        entropies_P: Entropy in nats of the distribution that each token was drawn from, [P], without gradient.
    """

    logprobs_P: Tensor
    entropies_P: Tensor


def score_tokens(
    parts: DecoderAndHead,
    hidden_PD: Tensor,
    targets_P: Tensor,
    *,
    temperature: float = 1.0,
    max_logits: int = DEFAULT_MAX_LOGITS,
) -> TokenScores:
    """Return log-probability and entropy of given tokens.

    Args:
        parts: The model.
        hidden_PD: Hidden states at the positions that predict the tokens, [P, D].
        targets_P: The tokens, [P].
        temperature: Divides the logits, as in sampling.
        max_logits: Logits of one chunk; a chunk has at least one position.
    """
    chunk = max(1, max_logits // parts.vocabulary)
    logprobs: list[Tensor] = []
    entropies: list[Tensor] = []
    for hidden_CD, targets_C in zip(hidden_PD.split(chunk), targets_P.split(chunk), strict=True):
        if len(hidden_PD) <= chunk:  # a single chunk may keep its logits: they would live at once anyway
            logprobs_C, entropies_C = _score_chunk(parts, hidden_CD, targets_C, temperature)
        else:
            logprobs_C, entropies_C = checkpoint(
                _score_chunk,
                parts,
                hidden_CD,
                targets_C,
                temperature,
                use_reentrant=False,
                preserve_rng_state=False,
            )
        logprobs.append(logprobs_C)
        entropies.append(entropies_C)
    return TokenScores(logprobs_P=torch.cat(logprobs), entropies_P=torch.cat(entropies))


def _score_chunk(
    parts: DecoderAndHead, hidden_CD: Tensor, targets_C: Tensor, temperature: float
) -> tuple[Tensor, Tensor]:
    """Return log-probabilities and entropies of the tokens of one chunk, [C]."""
    logits_CV = parts.logits(hidden_CD)
    logits_CV = logits_CV.float() if logits_CV.dtype in (torch.bfloat16, torch.float16) else logits_CV
    if temperature != 1.0:
        logits_CV = logits_CV / temperature
    log_probs_CV = torch.log_softmax(logits_CV, dim=-1)
    logprobs_C = log_probs_CV.gather(1, targets_C[:, None])[:, 0]
    with torch.no_grad():  # comes last: the backward pass stops recomputing at what it needs
        finite_CV = log_probs_CV.clamp(min=torch.finfo(log_probs_CV.dtype).min)  # 0 · −∞ would be NaN
        entropies_C = -(log_probs_CV.exp() * finite_CV).sum(dim=-1)
    return logprobs_C, entropies_C
