"""Tests of the pipeline, which run without torch."""
