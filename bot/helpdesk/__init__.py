"""The two desks: which one answers what, how to reach it, and whether it is open."""
