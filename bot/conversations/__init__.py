"""Conversations and their messages: storing, masking, erasing, and the way of one turn."""
