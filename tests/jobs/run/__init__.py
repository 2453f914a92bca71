"""Tests of jobs.run."""
