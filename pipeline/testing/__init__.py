"""Stand-ins that are part of the product: painted scenes and a segmenter without a network."""
