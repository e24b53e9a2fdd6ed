"""Rasa's custom actions: thin, one module per capability. They read the conversation and draft a reply.

They never write: what a reply changes travels with it and is stored together with it (see
`bot.messages.Memory`), so that a turn is stored whole or not at all.
"""
