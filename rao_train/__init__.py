"""The reference trainer for Recursive Agent Optimization (RAO, arXiv:2605.06639).

Read it next to the paper in this order: `trajectory` (what a rollout leaves behind), `credit` (Eq. 1, 3 and 4),
`loss` (Eq. 5), `logprobs` and `batching` (how the loss is computed in bounded memory), `learner` (one optimizer
step), `checkpoint` (how a run survives).
"""
