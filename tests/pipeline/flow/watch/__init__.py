"""Tests of processes that die or hang."""
