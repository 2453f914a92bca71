"""Servers that the tests talk to: real ones, and ones that fail on purpose."""
