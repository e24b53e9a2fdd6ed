"""What keeps being asked: the redacted question log, recurring questions, popular material, and the brief."""
