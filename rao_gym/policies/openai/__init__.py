"""A policy behind any OpenAI-compatible server: each turn is one request for a chat completion."""

from rao_gym.policies.openai.client import ChatClient
from rao_gym.policies.openai.policy import OpenAIPolicy
from rao_gym.policies.openai.settings import TRANSPORT_OPTIONS, ServerOptions

__all__ = ["TRANSPORT_OPTIONS", "ChatClient", "OpenAIPolicy", "ServerOptions"]
