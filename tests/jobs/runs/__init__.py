"""Tests of whole runs by the command line."""
