"""The console's pages: a module each, with ROUTES. A page gathers facts and renders them; it decides nothing."""
