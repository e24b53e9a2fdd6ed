"""Sends mail: over SMTP, or in development into a folder that a page shows."""
