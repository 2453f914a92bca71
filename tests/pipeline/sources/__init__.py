"""Tests of scene lists."""
