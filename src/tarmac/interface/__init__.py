"""What any problem is declared with. Nothing here knows one."""
