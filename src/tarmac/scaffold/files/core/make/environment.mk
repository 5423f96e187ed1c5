# Installs what requirements/ and vendor/ pin. Parts add to it.
CANDIDATES := python3 python3.14 python3.13 python3.12 python3.11
FITS := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))
PYTHON ?= $(shell for p in $(CANDIDATES); do $$p -c '$(FITS)' 2>/dev/null && echo $$p && break; done)
PIP := -m pip --disable-pip-version-check install --quiet
# By uv, which takes a tenth of pip's time; by pip where only pip is configured for a mirror. Both check every hash.
install = { $(BIN)/uv pip install --quiet --python $(BIN)/python $(1) || $(BIN)/python $(PIP) $(1); }

# A job with a token or a secret installs nothing: the wheel is pure Python, and is only unpacked.
.venv/wheel: requirements/tarmac.txt
	@rm -rf $@ $@.new
	@sed -n 's/ --hash=sha256:/ /p' $< | while read -r wheel hash; do \
	  echo "$$hash  $$wheel" | sha256sum --check --quiet && $(PYTHON) -m zipfile -e "$$wheel" $@.new; done
	@mv $@.new $@

# Stamps, written last: an interrupted installation is taken up again. Parts add to what a project needs.
.venv/project: .venv/pipeline
	@touch $@

.venv/pipeline: requirements/pipeline.txt requirements/tools.txt requirements/tarmac.txt
	@$(call environment,pipeline)

define environment
$(PYTHON) -c '$(FITS)' 2>/dev/null || \
  { echo "error: Python 3.11 to 3.14 is needed; hint: make PYTHON=/path/to/python3" >&2; exit 1; }
$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear .venv
echo "environment: installing requirements/$(1).txt (half a minute the first time)"
$(BIN)/python $(PIP) --require-hashes -r requirements/tools.txt
$(call install,--require-hashes -r requirements/$(1).txt)
$(call install,--no-deps --force-reinstall --require-hashes -r requirements/tarmac.txt)
touch .venv/$(1)
endef
