"""Comparisons that mrovseg/README.md quotes and that take hours: run by hand, not by `make test` or `make bench`."""
