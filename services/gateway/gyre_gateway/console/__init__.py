"""Pages for people: rendered here, live by server-sent events, without inline script."""
