"""Tests of exports by the command."""
