"""Wegwijzer: the assistant. The README says where each thing lives."""
