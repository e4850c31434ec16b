# Commands for developers. Requires only `python3` (3.11 or newer, with its venv module) and `make`.
PYTHON ?= python3
BIN := .venv/bin
UV := .venv-uv/bin/uv
LOCK := UV_PYTHON_DOWNLOADS=never $(UV) pip compile --quiet --no-header --no-annotate --python-version 3.11 --extra emulator --extra redis
export UV_PYTHON_DOWNLOADS := never
# Keep the settings of the developer's own Airflow and of an active virtual environment out of the tests.
unexport VIRTUAL_ENV PYTHONPATH PYTHONHOME $(filter AIRFLOW%,$(.VARIABLES))

# What `make check` leaves out: three quarters of the quick tests' time.
LONG := clients docs emulator foreign machine operators/test_archive.py operators/test_concurrent_changes.py \
	operators/test_copy_faults.py operators/test_crash_safety.py protocol/archive/test_crashes.py \
	test_benchmarks.py test_imports.py test_package.py test_pytest_plugin.py test_rclone.py \
	transfers/test_crashes.py transfers/test_kills.py transport/test_throttle.py triggers/test_changes.py \
	triggers/test_safety.py

.DEFAULT_GOAL := help
.PHONY: help venv demo check quick lint test clients docs dist chaos arrivals cluster bench machine matrix soak screenshots fuzz lock clean
MAKEFLAGS += --no-print-directory --no-builtin-rules

help:  ## list the commands
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

venv: .venv/.ready  ## create the environment with Airflow 3.3 (.venv)

demo: .venv/.ready  ## archive documents with a real Airflow and an emulated Graph; KEEP=1 leaves Airflow running
	@$(BIN)/airflow-drive demo $(if $(filter-out 0,$(KEEP)),--keep)

check: .venv/.ready  ## lint and run the quick tests, without those of the emulator, the docs, crashes and whole archives; two minutes
	@$(MAKE) --jobs 2 --output-sync lint quick

quick: .venv/.ready
	@$(BIN)/python -m pytest -q -n 3 -m "not slow" --hypothesis-profile quick $(LONG:%=--ignore tests/%)

test: lint .venv-2.11/.ready .venv-clients/.ready  ## lint and run all tests, also with real Airflow 3.3 and 2.11, with coverage
	@folder=$$(mktemp -d) && $(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder \
		--basetemp $$folder/pytest --durations=20 --cov --cov-report=term && rm -rf $$folder

clients: .venv/.ready .venv-clients/.ready .venv-peers/.ready  ## test the emulator with other people's clients of Graph; those for Node.js need npm
	@npm ci --prefix tests/clients/npm --silent --no-audit --no-fund
	@$(BIN)/python -m pytest -q tests/clients tests/test_rclone.py

chaos: .venv/.ready .venv-peers/.ready  ## kill Airflow's processes hundreds of times and count the copies, an hour; SEED=7 RUNS=480 ONLY=archive or handover
	@PYTHONPATH=.:scripts:tests $(BIN)/python -m chaos $(if $(SEED),--seed $(SEED)) $(if $(RUNS),--runs $(RUNS)) $(if $(ONLY),--only $(ONLY))

arrivals: .venv/.ready  ## change documents in a watched folder while triggerers and scheduler are killed, a quarter of an hour; SEED=7
	@PYTHONPATH=.:scripts:tests $(BIN)/python -m chaos.arrivals $(if $(SEED),--seed $(SEED))

cluster: .venv/.ready  ## copy a thousand documents on the CeleryExecutor while its processes die, half an hour; COPIES=1000
	@PYTHONPATH=.:scripts:tests $(BIN)/python -m chaos.cluster $(if $(COPIES),--copies $(COPIES))

bench: .venv/.ready .venv-peers/.ready  ## measure the cost of archives, hand-overs and their alternatives, and write docs/project/benchmarks.md; DOCUMENTS=1000 ONLY=wire
	@PYTHONPATH=.:scripts:tests $(BIN)/python benchmarks/archive.py $(if $(DOCUMENTS),--documents $(DOCUMENTS)) $(if $(ONLY),--only $(ONLY))

machine: .venv/.ready  ## test random sequences of faults, crashes and retries without Airflow, minutes; SEQUENCES=2000 SEED=1 JOBS=2
	@SEQUENCES=$(or $(SEQUENCES),2000) SEED=$(or $(SEED),1) $(BIN)/python -m pytest -q -n $(or $(JOBS),2) tests/machine

matrix: $(UV)  ## run the quick tests on Airflow 2.11 to 3.3 with each installed Python, half an hour or more; ONLY=3.0
	@nice $(PYTHON) scripts/matrix.py $(ONLY)

fuzz: .venv/.ready  ## fuzz each parser of external data; SECONDS=60 TARGET=url
	@nice $(BIN)/python tests/foreign/fuzz.py $(or $(SECONDS),60) $(TARGET)

lint: .venv/.ready  ## run ruff, mypy, import-linter and zizmor
	@$(BIN)/ruff check --quiet
	@$(BIN)/ruff format --quiet --check
	@$(BIN)/mypy --no-error-summary
	@MYPYPATH=scripts $(BIN)/mypy --no-error-summary scripts
	@$(BIN)/lint-imports >.venv/layers.log 2>&1 || { cat .venv/layers.log; exit 1; }
	@$(BIN)/zizmor --quiet --offline --no-progress --pedantic .github >.venv/workflows.log 2>&1 || { cat .venv/workflows.log; exit 1; }

docs: .venv/.ready  ## build the documentation strictly, into build/site
	@$(BIN)/sphinx-build -q -W --keep-going docs build/site

dist: .venv/.ready  ## build the sdist and the wheel, and check them with twine
	@rm -rf dist
	@$(BIN)/python -m hatchling build
	@$(BIN)/twine check --strict dist/*

soak: .venv/.ready  ## run a triggerer under load while one request in twenty fails; MINUTES=30
	@PYTHONPATH=.:scripts:tests $(BIN)/python soak/soak.py $(or $(MINUTES),30)

screenshots: .venv/.ready .venv-2.11/.ready  ## update the screenshots in docs/images, and take pictures of the site (build/pictures), with Chromium
	@SCREENSHOTS=docs/images $(BIN)/python -m pytest -q tests/end_to_end/test_browser.py tests/end_to_end/test_quickstart.py
	@SCREENSHOTS=build/pictures $(BIN)/python -m pytest -q tests/docs/test_site.py -k Browser

lock: $(UV) .venv/.ready  ## update requirements/*.txt from pyproject.toml, and docs/inventories; UPGRADE=1 allows newer versions
	@$(LOCK) $(if $(UPGRADE),--upgrade) --universal --group dev pyproject.toml --output-file requirements/dev.txt
	@$(LOCK) --exclude-newer 2026-04-15 --exclude-newer-package apache-airflow-providers-common-compat=2026-11-20 \
		pyproject.toml requirements/airflow-2.11.in --output-file requirements/airflow-2.11.txt
	@$(LOCK) $(if $(UPGRADE),--upgrade) --universal pyproject.toml requirements/airflow-peers.in \
		--output-file requirements/airflow-peers.txt
	@$(subst --extra emulator --extra redis,,$(LOCK)) $(if $(UPGRADE),--upgrade) --universal requirements/clients.in \
		--output-file requirements/clients.txt
	@$(BIN)/python scripts/inventories.py

clean:  ## remove everything that make has created
	@rm -rf build dist .venv .venv-2.11 .venv-peers .venv-clients .venv-uv tests/clients/npm/node_modules .demo .fuzz .matrix .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis .coverage*
	@find . -name __pycache__ -prune -exec rm -rf {} +

$(UV): requirements/uv.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is required. Choose one with: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo "This Python cannot create virtual environments. On Debian and Ubuntu, run: apt-get install python3-venv" >&2; exit 1; }
	@echo "Creating the environment. The first time, this downloads about 200 MB."
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
