"""Views of the runtime: PettingZoo AEC and Parallel, and Gymnasium."""
