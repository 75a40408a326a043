"""Places that keep fragments: folders, and whatever OpenDAL reaches."""
