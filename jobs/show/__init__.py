"""For people: tables and pictures."""
