"""Doing what plans say: the work queue, requests and what was tried in vain."""
