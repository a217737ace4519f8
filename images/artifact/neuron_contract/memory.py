"""How much memory a server needs, from the size of its artifact."""

MEBIBYTE = 2**20

PROCESS = 400 * MEBIBYTE
"""What a process takes with torch in it, before any weights."""


def resident(processes: int, weights: int) -> int:
    """The bytes that so many processes hold once they have loaded: each has the weights of every bucket."""
    return processes * (PROCESS + weights)


def needed(processes: int, weights: int, largest: int) -> int:
    """The least they need: while a bucket is loaded, its file is in memory too. Processes load in turn."""
    return resident(processes, weights) + largest
