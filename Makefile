# What a developer types. `python3` (3.11 or newer, with its venv module) and `make` are all that must be there.
PYTHON ?= python3
BIN := .venv/bin
UV := .venv-uv/bin/uv
LOCK := UV_PYTHON_DOWNLOADS=never $(UV) pip compile --quiet --no-header --no-annotate --python-version 3.11 --extra emulator
export UV_PYTHON_DOWNLOADS := never
# Settings of somebody's own Airflow must not reach the tests, nor the environment that happens to be active.
unexport VIRTUAL_ENV PYTHONPATH PYTHONHOME $(filter AIRFLOW%,$(.VARIABLES))

.DEFAULT_GOAL := help
.PHONY: help venv demo check lint test clients chaos bench machine matrix soak screenshots fuzz lock clean
MAKEFLAGS += --no-print-directory --no-builtin-rules

help:  ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

venv: .venv/.ready  ## make the environment with Airflow 3.3 (.venv)

demo: .venv/.ready  ## archive documents with a real Airflow and an emulated Graph; KEEP=1 leaves it running
	@$(BIN)/python scripts/demo.py $(if $(filter-out 0,$(KEEP)),--keep)

check: lint  ## the quick part of the tests, a minute or two
	@$(BIN)/python -m pytest -q -n 4 -m "not slow" --hypothesis-profile quick \
		--ignore tests/emulator --ignore tests/docs --ignore tests/test_rclone.py --ignore tests/foreign/test_bounds.py

test: lint .venv-2.11/.ready .venv-clients/.ready  ## everything, real Airflow 3.3 and 2.11 too, with coverage
	@$(BIN)/python -m pytest -m "not slow" -n 2 --durations=10 --cov --cov-report= --cov-fail-under=0
	@$(BIN)/python -m pytest -m slow --durations=10 --cov --cov-append --cov-report=term

clients: .venv/.ready .venv-clients/.ready  ## other people's clients of Graph against the emulator; those for Node.js need npm
	@npm ci --prefix tests/clients/npm --silent --no-audit --no-fund
	@$(BIN)/python -m pytest -q tests/clients tests/test_rclone.py

chaos: .venv/.ready .venv-peers/.ready  ## kill Airflow's processes some hundred times, and count the copies; SEED=7 RUNS=480 ONLY=archive
	@PYTHONPATH=.:scripts:tests $(BIN)/python -m chaos $(if $(SEED),--seed $(SEED)) $(if $(RUNS),--runs $(RUNS)) $(if $(ONLY),--only $(ONLY))

bench: .venv/.ready .venv-peers/.ready  ## what an archive costs, beside what else there is, into docs/benchmarks.md; DOCUMENTS=1000 ONLY=wire
	@PYTHONPATH=.:scripts:tests $(BIN)/python benchmarks/archive.py $(if $(DOCUMENTS),--documents $(DOCUMENTS)) $(if $(ONLY),--only $(ONLY))

machine: .venv/.ready  ## faults, deaths and retries in any order, without Airflow; SEQUENCES=2000
	@SEQUENCES=$(or $(SEQUENCES),2000) $(BIN)/python -m pytest -q tests/machine

matrix: $(UV)  ## the quick tests on Airflow 2.11 to 3.3 and each Python that is here; half an hour or more; ONLY=3.0
	@nice $(PYTHON) scripts/matrix.py $(ONLY)

fuzz: .venv/.ready  ## give each reader of foreign bytes time to fall over some: SECONDS=60, for all or for TARGET=url
	@nice $(BIN)/python tests/foreign/fuzz.py $(or $(SECONDS),60) $(TARGET)

lint: .venv/.ready
	@$(BIN)/ruff check --quiet
	@$(BIN)/ruff format --quiet --check
	@$(BIN)/mypy --no-error-summary
	@MYPYPATH=scripts $(BIN)/mypy --no-error-summary scripts
	@$(BIN)/lint-imports >.venv/layers.log 2>&1 || { cat .venv/layers.log; exit 1; }

soak: .venv/.ready  ## a triggerer for MINUTES=30, while copies come and go and one request in twenty fails
	@PYTHONPATH=.:scripts:tests $(BIN)/python soak/soak.py $(or $(MINUTES),30)

screenshots: .venv/.ready .venv-2.11/.ready  ## take those of docs/images anew, with Chromium
	@SCREENSHOTS=docs/images $(BIN)/python -m pytest -q tests/end_to_end/test_browser.py

lock: $(UV)  ## compile requirements/*.txt anew from pyproject.toml; UPGRADE=1 takes newer versions
	@$(LOCK) $(if $(UPGRADE),--upgrade) --universal --group dev pyproject.toml --output-file requirements/dev.txt
	@$(LOCK) --exclude-newer 2026-04-15 --exclude-newer-package apache-airflow-providers-common-compat=2026-11-20 \
		pyproject.toml requirements/airflow-2.11.in --output-file requirements/airflow-2.11.txt
	@$(LOCK) $(if $(UPGRADE),--upgrade) --universal pyproject.toml requirements/airflow-peers.in \
		--output-file requirements/airflow-peers.txt
	@$(subst --extra emulator,,$(LOCK)) $(if $(UPGRADE),--upgrade) --universal requirements/clients.in \
		--output-file requirements/clients.txt

clean:  ## remove what make has made
	@rm -rf .venv .venv-2.11 .venv-peers .venv-clients .venv-uv tests/clients/npm/node_modules .demo .fuzz .matrix .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis .coverage*
	@find . -name __pycache__ -prune -exec rm -rf {} +

$(UV): requirements/uv.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "This needs Python 3.11 or newer; choose one with: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo "This Python cannot make environments. On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@echo "Making the environment; the first time this downloads some 200 MB."
	@$(PYTHON) -m venv --clear .venv-uv
	@.venv-uv/bin/python -m pip install --quiet --disable-pip-version-check -r requirements/uv.txt
	@touch $@

.venv/.ready: LOCKED := requirements/dev.txt
.venv/.ready: FOR := .venv-uv/bin/python
.venv/.ready: requirements/dev.txt
.venv-2.11/.ready: LOCKED := requirements/airflow-2.11.txt
.venv-2.11/.ready: FOR := '>=3.11,<3.13'
.venv-2.11/.ready: requirements/airflow-2.11.txt
.venv-peers/.ready: LOCKED := requirements/airflow-peers.txt
.venv-peers/.ready: FOR := .venv-uv/bin/python
.venv-peers/.ready: requirements/airflow-peers.txt
.venv-clients/.ready: requirements/clients.txt | $(UV)
	@test -x $(@D)/bin/python || $(UV) venv --quiet --python .venv-uv/bin/python $(@D)
	@$(UV) pip sync --quiet --python $(@D) $<
	@touch $@
.venv/.ready .venv-2.11/.ready .venv-peers/.ready: pyproject.toml | $(UV)
	@test -x $(@D)/bin/python || $(UV) venv --quiet --python $(FOR) $(@D)
	@$(UV) pip sync --quiet --python $(@D) $(LOCKED)
	@$(UV) pip install --quiet --python $(@D) --no-deps --editable .
	@touch $@
