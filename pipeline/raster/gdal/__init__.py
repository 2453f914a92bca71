"""The door to rasterio: GDAL's environment, its errors and names, and what an open raster is."""
