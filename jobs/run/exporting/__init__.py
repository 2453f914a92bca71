"""What every export needs: its flags and formats, and the scenes one after the other."""
