"""Rollouts: trees grown with an engine, and the token-exact trajectories that are trained on."""
