"""A client of KVK's Handelsregister: finds a company by name or number. Off unless a setting gives a key."""
