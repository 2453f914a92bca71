"""Tests of what a run counts and reports."""
