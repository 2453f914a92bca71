"""Tests of pipeline.segment."""
