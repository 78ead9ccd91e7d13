"""The learner: credited trajectories in, one optimizer step out."""
