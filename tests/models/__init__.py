"""The sweep over architectures, networks and chains: its figures, and the page that tells what works."""
