"""What the assistant knows, and the one place that decides: answer, ask back, or say that it does not know."""
