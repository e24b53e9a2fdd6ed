"""Tickets out: one interface (`bot.helpdesk.ticketing`), and what stands behind it."""
