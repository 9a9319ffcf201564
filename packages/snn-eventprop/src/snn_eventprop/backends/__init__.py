"""The backends: ``eventprop_exact`` on events, ``eventprop`` on a grid; one engine below both."""
