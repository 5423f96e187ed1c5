.PHONY: site

site: .venv/site ## Write the report as one page that opens offline: site/index.html
	@$(BIN)/tarmac site

.venv/site: requirements/site.txt .venv/project
	@echo "environment: installing $<"
	@$(call install,--no-deps --require-hashes -r $<)
	@touch $@
