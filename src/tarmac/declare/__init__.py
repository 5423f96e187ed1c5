"""What any problem is declared with. Nothing here knows one, and the service imports it: standard library and numpy."""
