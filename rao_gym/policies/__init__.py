"""Policies: what answers the turns of agents."""
