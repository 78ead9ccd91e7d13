"""Language models: loading, tiny ones built on the spot, and the turns of their chat templates."""
