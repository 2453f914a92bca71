"""Tests of mrovseg.training."""
