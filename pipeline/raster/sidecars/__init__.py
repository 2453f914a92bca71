"""The files that a raster leads GDAL to, by its own name or by naming them."""
