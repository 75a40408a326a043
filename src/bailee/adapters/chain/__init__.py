"""A chain: embedded or by JSON-RPC; the contracts on it, and what they say."""
