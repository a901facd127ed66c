"""Towards the servers."""
