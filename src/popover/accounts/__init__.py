"""Own logins: who may call himself what, what is said to the provider for him, and where that is kept."""
