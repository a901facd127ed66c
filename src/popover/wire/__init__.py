"""The only place that touches sockets and TLS engines."""
