"""Tests of jobs.show."""
