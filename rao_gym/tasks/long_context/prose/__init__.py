"""Invented English prose: articles made from word lists and sentence patterns, the same for ever and everywhere."""

from rao_gym.tasks.long_context.prose.articles import NUM_ARTICLES, Article, article, edition

__all__ = ["NUM_ARTICLES", "Article", "article", "edition"]
