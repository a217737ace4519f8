"""One set of requests, sent to two servers of one artifact: their answers must be the same to the letter."""
