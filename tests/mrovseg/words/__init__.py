"""Tests of mrovseg.words."""
