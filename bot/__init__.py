"""Wegwijzer: the assistant. See DESIGN in docs/architecture.md for where each thing lives."""
