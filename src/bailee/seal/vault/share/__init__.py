"""Letting others read: shares and what opens them, fresh keys after revoking, tables column by column."""
