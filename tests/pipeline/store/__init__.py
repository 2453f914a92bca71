"""Tests of mask stores."""
