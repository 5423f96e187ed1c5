"""New data: read, checked, and taken into `data/raw` whole or not at all."""
