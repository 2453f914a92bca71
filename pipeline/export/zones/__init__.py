"""Areas and shares by class of a user's own polygons: parcels, districts."""
