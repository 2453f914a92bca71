"""Verbs about the model: train, evaluate, ablation, convert, info."""
