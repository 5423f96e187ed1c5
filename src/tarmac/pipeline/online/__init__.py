"""The stage `online`: what the service looks up."""
