"""The people of the helpdesk: accounts and roles, signing in, sessions, and the audit of what they do."""
