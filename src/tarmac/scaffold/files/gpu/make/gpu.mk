.PHONY: gpu publish
export BRANCH NAME SET

gpu: .venv/gpu .venv/project ## Train on a GPU as the experiment NAME=, with SET="a.b=1 c.d=2", and review it
	@$(BIN)/tarmac pull
	@set -f; set_params=(); for pair in $$SET; do set_params+=(--set-param "$$pair"); done; \
	$(BIN)/dvc exp run --name "$$NAME" --set-param train.device=cuda "$${set_params[@]}"
	@$(BIN)/tarmac review || echo "the verdict is fail: review/report.md says why"

publish: add-result ## Commit the result on the new branch BRANCH=, and push it with its outputs
	@git switch --quiet --create "$$BRANCH"
	@git commit --quiet --message "The result of $$BRANCH"
	@git push --quiet --set-upstream origin "$$BRANCH"

# The GPU build of XGBoost stands in for the other: never both, they are the same module.
.venv/gpu: requirements/gpu.txt requirements/tools.txt requirements/tarmac.txt
	@[ ! -x $(BIN)/uv ] || $(BIN)/uv pip uninstall --quiet --python $(BIN)/python xgboost-cpu
	@$(call environment,gpu)
	@touch .venv/pipeline
