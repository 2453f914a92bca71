"""Tests of verification and status."""
