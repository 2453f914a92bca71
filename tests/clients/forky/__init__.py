"""What runs in a Debian forky of its own, see `see.sh`: clients of which no wheel has the version that matters."""
