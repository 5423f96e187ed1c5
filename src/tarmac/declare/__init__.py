"""What any problem is declared with, and what a problem of one table follows from. Nothing here knows one."""
