"""Generation engines behind one small protocol."""

from rao_train.engines.base import (
    BatchEngine,
    Completion,
    CompletionEnd,
    Engine,
    EngineSettings,
    Request,
    Sampling,
)
from rao_train.engines.transformers import TransformersEngine

__all__ = [
    "BatchEngine",
    "Completion",
    "CompletionEnd",
    "Engine",
    "EngineSettings",
    "Request",
    "Sampling",
    "TransformersEngine",
]
