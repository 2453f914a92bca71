"""Rectangles of pixels and ground: values and arithmetic that open no file."""
