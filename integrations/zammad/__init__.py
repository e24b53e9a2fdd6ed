"""Tickets in Zammad."""
