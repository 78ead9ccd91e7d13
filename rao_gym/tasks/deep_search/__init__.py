"""The deep-search family: multi-hop questions about a generated encyclopedia."""

from rao_gym.tasks.deep_search.family import DeepSearch
from rao_gym.tasks.deep_search.policies import SearchPolicy

__all__ = ["DeepSearch", "SearchPolicy"]
