"""Tests of mrovseg.weights."""
