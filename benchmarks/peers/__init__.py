"""The same model served the usual ways. Each runs in the environment of `requirements/peers.txt`, from this folder."""
