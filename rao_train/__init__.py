"""The reference trainer for Recursive Agent Optimization (RAO, arXiv:2605.06639).

Read it next to the paper in this order: `rollout.trajectory` (what a rollout produces), `credit` (Eq. 1, 3 and 4),
`loss` (Eq. 5), `learning.logprobs` and `learning.batching` (the loss in bounded memory), `learning.learner` (one
optimizer step), `run.checkpoint` (how a run is saved and resumed). `minimal` is all of it in one file.
"""
