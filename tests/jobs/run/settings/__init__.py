"""Tests of jobs.run.settings."""
