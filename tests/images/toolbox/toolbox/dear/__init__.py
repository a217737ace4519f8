"""Requests that are well formed and dear: large, slow or many, from one client that means harm."""
