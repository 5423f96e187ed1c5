"""The stage `state`: what the service looks up."""
