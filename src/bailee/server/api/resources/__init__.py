"""The calls, a file a resource. What each may be called by stands above it; docs/api.md has them in one table."""
