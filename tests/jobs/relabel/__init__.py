"""`mrovseg relabel` through its own door."""
