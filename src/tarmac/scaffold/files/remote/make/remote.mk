.PHONY: remote
export OPTIONS URL
# A remote outside the clone needs more, by its URL: the one that `make remote` is given, or that of .dvc/config. The
# wheel answers before anything is installed.
EXTRAS := s3 gs azure ssh webdav
WHEEL := $(shell sed -n 's/ --hash=.*//p' requirements/tarmac.txt)
ASKED := $(if $(filter remote,$(MAKECMDGOALS)),$(subst ','\'',$(URL)))
FOUND := $(shell PYTHONPATH='$(WHEEL)' $(PYTHON) -m tarmac.repository.remote.address '$(ASKED)' 2>/dev/null)
EXTRA := $(filter $(EXTRAS),$(FOUND))
.venv/project: $(EXTRA:%=.venv/remote-%)

remote: .venv/project ## Keep data and models at URL=, OPTIONS="name=value …"
	@set -f; $(BIN)/tarmac remote "$$URL" $$OPTIONS

# On top of the pipeline's, whose pins the file leaves out and keeps to.
$(EXTRAS:%=.venv/remote-%): .venv/%: requirements/%.txt .venv/pipeline
	@echo "environment: installing $<"
	@$(call install,--no-deps --require-hashes -r $<)
	@touch $@
