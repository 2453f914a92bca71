"""Move the pixels of large scenes through a segmenter and into mask stores; know no network."""
