"""Load for servers, and what it is measured against: the bare forward, and a plain server."""
