"""Tests of mrovseg.network."""
