"""How a network sees chips: as a low view and slices, each of which is encoded once."""
