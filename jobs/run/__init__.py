"""What every run needs: settings, resume, supervision, exit codes, wiring."""
