"""Tests of tasks by scene."""
