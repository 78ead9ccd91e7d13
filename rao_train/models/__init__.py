"""Language models: loading, tiny models for experiments, and chat templates turn by turn."""
