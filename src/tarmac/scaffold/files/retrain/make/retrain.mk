.PHONY: monitor retrain backtest propose ship
export INCOMING

monitor: .venv/project ## Check a month (MONTH=, the last) or a service's LOG=: monitoring/report.md
	@$(BIN)/tarmac monitor $(if $(MONTH),--month '$(MONTH)') $(if $(LOG),--log '$(LOG)')

retrain: .venv/project ## Ingest what arrived at INCOMING=, check it, retrain and review by the policy
	@$(BIN)/tarmac retrain "$$INCOMING"

backtest: .venv/project ## Retrain through the stored months by each strategy: metrics/backtest, 30 min
	@$(BIN)/tarmac backtest

# These two are for .github/workflows/retrain.yml.
propose: .venv/wheel
	@PYTHONPATH=$< $(PYTHON) -m tarmac.ci.propose

ship: .venv/project .venv/wheel
	@PYTHONPATH=.venv/wheel $(PYTHON) -m tarmac.ci.ship
