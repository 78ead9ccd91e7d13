"""The demo: a tiny model learns to delegate, next to a single agent."""
