"""Policies: they answer the turns of agents."""
