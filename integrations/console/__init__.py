"""The console of the helpdesk, and the accounts of those who use it."""
