"""Longitudes and latitudes: boxes around scenes, and the meridian at which they jump."""
