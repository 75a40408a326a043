"""One blob: segments, erasure code, fragments; written to stores, read from the fastest, made anew, placed."""
