"""From kept proposals to labels: arrays alone, no network."""
