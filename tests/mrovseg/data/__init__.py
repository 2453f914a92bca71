"""Tests of mrovseg.data."""
