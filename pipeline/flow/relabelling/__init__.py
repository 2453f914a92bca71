"""Relabelling: proposals that an output keeps to masks of other words, without a network."""
