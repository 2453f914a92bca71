"""Tests of mrovseg.evaluation."""
