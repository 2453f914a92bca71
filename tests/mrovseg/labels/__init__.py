"""Tests of mrovseg.labels."""
