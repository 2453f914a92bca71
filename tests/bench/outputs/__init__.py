"""What is made of an output, measured: overviews, polygons, tables."""
