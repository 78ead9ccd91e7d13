"""Generation engines behind one small protocol."""

from rao_train.engines.base import Completion, Engine, EngineSettings, Request, Sampling
from rao_train.engines.transformers import TransformersEngine

__all__ = ["Completion", "Engine", "EngineSettings", "Request", "Sampling", "TransformersEngine"]
