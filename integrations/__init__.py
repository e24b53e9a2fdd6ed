"""Where the outside world touches us."""
