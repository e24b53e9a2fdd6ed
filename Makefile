# One command per verb. `make run` and `make test` do all the set-up they need; see README.md.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

MAIN := .venv/bin
RASA := .venv-rasa/bin
export RASA_TELEMETRY_ENABLED := false
export PYTHONPATH := $(CURDIR)

.PHONY: help environments train run test eval eval-logs bench lint format lock demo-trends clean distclean browser

help: ## Says what each command does.
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

environments: .venv/.installed .venv-rasa/.installed ## Makes both Python environments, locked.

.uv/.installed: requirements/uv.txt
	@echo "Installing the installer (uv) …"
	@python=$$(bin/find-python 3.11) && rm -rf .uv && "$$python" -m venv .uv
	@.uv/bin/pip install -q --disable-pip-version-check --require-hashes -r requirements/uv.txt 2> >(grep -v 'is ignored: it is' >&2) || \
	  { echo "The package index cannot be reached: check the network and run make again." >&2; exit 1; }
	@touch $@

.venv/.installed: requirements/dev.txt requirements/train.txt .uv/.installed
	@echo "Making the environment for web, actions, jobs and training (Python 3.11) …"
	@python=$$(bin/find-python 3.11) && { [ -x $(MAIN)/python ] || "$$python" -m venv .venv; }
	@.uv/bin/uv pip install -q --python $(MAIN)/python --require-hashes --no-deps -r requirements/dev.txt || \
	  { echo "The packages could not be installed: check the network, then run make again." >&2; exit 1; }
	@echo "Installing torch, for building and training only …"
	@$(MAIN)/pip install -q --disable-pip-version-check -r requirements/train.txt 2> >(grep -v 'is ignored: it is' >&2) || \
	  { echo "Torch could not be installed: check the network, then run make again." >&2; exit 1; }
	@touch $@

.venv-rasa/.installed: requirements/rasa.txt .uv/.installed
	@echo "Making the environment for Rasa (Python 3.10; about 2.5 GB) …"
	@python=$$(bin/find-python 3.10) && { [ -x $(RASA)/python ] || "$$python" -m venv .venv-rasa; }
	@.uv/bin/uv pip install -q --python $(RASA)/python --require-hashes --no-deps -r requirements/rasa.txt || \
	  { echo "The packages could not be installed: check the network, then run make again." >&2; exit 1; }
	@touch $@

train: environments ## Builds the encoder, tunes it on the knowledge, and trains Rasa; only what changed.
	@$(MAIN)/python -m bot.train

run: environments train ## Starts everything on http://127.0.0.1:8000.
	@$(MAIN)/python -m bot.commands demo companies
	@$(MAIN)/python -m bot.commands staff first
	@echo "Starting …"
	@exec $(MAIN)/honcho start --no-prefix

browser: ## Sees to a Chromium for the browser tests.
	@bin/find-browser

test: environments train browser ## Runs every test.
	@$(MAIN)/python -m pytest
	@$(RASA)/python -m pytest -c tests/nlu/pytest.ini tests/nlu

eval: environments train ## Measures how right the answers are, beside three baselines; saves docs/measured/eval.*.
	@$(MAIN)/python -m tests.eval

eval-logs: environments ## The same engine on other logs: make eval-logs TRAIN=train.csv TEST=test.csv [SAVE=figures.json].
	@$(MAIN)/python -m tests.eval.logs "$(TRAIN)" "$(TEST)" $(if $(SAVE),"$(SAVE)")

bench: environments train ## Measures turns, memory, suggestions, live chats and grouping; saves docs/measured/bench.json.
	@$(MAIN)/python -m tests.bench $(PARTS)

demo-trends: environments train ## Fills two half-years and the weeks since with made-up questions, to look at the trends.
	@$(MAIN)/python -m bot.commands demo trends

lint: environments ## Checks format, style, types on both Pythons, and the knowledge.
	$(MAIN)/ruff format --check .
	$(MAIN)/ruff check .
	$(MAIN)/mypy
	$(MAIN)/mypy --python-version 3.10 --python-executable $(RASA)/python --config-file mypy-rasa.ini
	$(MAIN)/python -m bot.lint

format: environments ## Formats the code.
	$(MAIN)/ruff format .
	$(MAIN)/ruff check --fix .

lock: .uv/.installed ## Locks the environments anew.
	cd requirements && ../.uv/bin/uv pip compile -q --upgrade --generate-hashes uv.in -o uv.txt
	cd requirements && ../.uv/bin/uv pip compile -q --upgrade --python-version 3.11 --generate-hashes --override no-torch.txt dev.in -o dev.txt
	cd requirements && ../.uv/bin/uv pip compile -q --upgrade --python-version 3.11 --generate-hashes -c dev.txt serve.in -o serve.txt
	cd requirements && ../.uv/bin/uv pip compile -q --upgrade --python-version 3.10 --generate-hashes rasa.in -o rasa.txt

clean: ## Removes what was built: models, database, caches.
	rm -rf models var .rasa .cache .pytest_cache .mypy_cache .ruff_cache .hypothesis build

distclean: clean ## Removes the environments too.
	rm -rf .venv .venv-rasa .uv
