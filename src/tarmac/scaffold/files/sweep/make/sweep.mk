.PHONY: sweep
ifdef STORAGE
export TARMAC_SWEEP_STORAGE := $(STORAGE)
endif

sweep: .venv/project ## Search the space of params.yaml: TRIALS=, JOBS=, TOP=, STUDY=, STORAGE=
	@$(BIN)/tarmac sweep --trials $(or $(TRIALS),24) --jobs $(or $(JOBS),1) --top $(or $(TOP),1) \
	  --study '$(or $(STUDY),sweep)'
