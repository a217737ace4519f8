"""A file system that fails as shared ones do: it stalls, loses what was not flushed, and its locks lie.

A mount passes everything on to a directory, through FUSE. Two mounts of one directory are two nodes: flock of
one is not seen by the other, as on NFS without a lock manager.
"""
