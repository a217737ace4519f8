"""An API server in one process, for tests of what watches one: its lists, watches, writes and failures."""
