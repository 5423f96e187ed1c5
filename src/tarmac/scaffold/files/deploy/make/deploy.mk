.PHONY: image smoke deploy
export ENVIRONMENT IMAGE

image: .venv/wheel ## Build the image of the service with the live bundle, as IMAGE=name
	@PYTHONPATH=$< $(PYTHON) -m tarmac.deploy.image

smoke: .venv/wheel ## Start the image as strictly as in production, and send it one request
	@PYTHONPATH=$< $(PYTHON) -m tarmac.deploy.smoke

deploy: .venv/wheel ## Roll out IMAGE=name@sha256:… to ENVIRONMENT= by kubectl; undo it if it fails
	@PYTHONPATH=$< $(PYTHON) -m tarmac.deploy.rollout
