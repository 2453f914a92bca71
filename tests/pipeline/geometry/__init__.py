"""Tests of rectangles and ground."""
