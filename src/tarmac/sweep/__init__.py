"""Parameter search: many trials in few processes over one study, and a winner that the pipeline has certified."""
