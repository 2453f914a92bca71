"""Labelling an output again by other words: what of the run of `segment` needs no network."""
