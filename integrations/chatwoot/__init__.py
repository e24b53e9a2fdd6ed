"""Tickets as conversations in Chatwoot."""
