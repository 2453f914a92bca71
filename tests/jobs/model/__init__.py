"""Tests of jobs.model."""
