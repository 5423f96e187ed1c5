.PHONY: release promote rollback bundle serve predict
export ENVIRONMENT VERSION WHY
ifeq ($(ON)$(wildcard make/spark.mk),spark)
$(error ON=spark needs the part spark: make add PART=spark)
endif

release: .venv/project ## Register the model of HEAD as the next version (BUMP=major, minor or patch)
	@$(BIN)/tarmac release --bump '$(or $(BUMP),patch)'

promote: .venv/project ## Promote a VERSION= (the latest) to ENVIRONMENT=staging or prod, WHY=
	@$(BIN)/tarmac promote "$$ENVIRONMENT" --version "$$VERSION" --why "$$WHY"

rollback: .venv/project ## Roll prod (or ENVIRONMENT=) back to its previous version, WHY=
	@$(BIN)/tarmac rollback "$${ENVIRONMENT:-prod}" --why "$$WHY"

bundle: .venv/project ## Write what a service needs to served/live (ENVIRONMENT=, VERSION=, AS=shadow)
	@$(BIN)/tarmac bundle --environment "$$ENVIRONMENT" --version "$$VERSION" \
	  --place '$(if $(filter-out default undefined,$(origin AS)),$(AS),live)'

serve: .venv/serve ## Serve predictions at http://127.0.0.1:8080 from served/live, or this model
	@ls served/live/release.json >/dev/null 2>&1 || $(BIN)/tarmac bundle
	@PYTHONPATH=src exec $(BIN)/python -m tarmac.serving

predict: .venv/serve $(ON:%=.venv/%) ## Score the file or folder IN= into OUT= (BUNDLE=, ON=spark)
	@PYTHONPATH=src $(BIN)/python -m tarmac.batch$(ON:%=.%) $(if $(IN),'$(IN)') $(if $(OUT),'$(OUT)') \
	  $(if $(BUNDLE),--bundle '$(BUNDLE)') $(if $(REJECTS),--max-rejects '$(REJECTS)')

.venv/serve: requirements/serve.txt .venv/project
	@echo "environment: installing $<"
	@$(call install,--require-hashes -r $<)
	@touch $@
