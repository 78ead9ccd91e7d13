"""A training run: the trainer and the parts that it turns, its checkpoints, logs and progress display."""
