"""Towards the clients."""
