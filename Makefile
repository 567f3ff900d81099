# Everything a newcomer needs: `make run` and `make test`. The environment is .venv, made by whichever comes first.
PORT ?= 5000
PYTHON ?= python3
BIN := .venv/bin

.PHONY: run test test-long lint bench docs pictures lighthouse lock sbom clean

run: .venv/run.stamp
	@$(BIN)/python -m demo --port $(PORT)

# Half of the time a test waits for a browser or a server: one more of them than there are cores.
WORKERS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)

test: .venv/dev.stamp
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

test-long: .venv/dev.stamp
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder -m "long or not long"

bench: .venv/dev.stamp
	@$(BIN)/python -m benchmarks

# What is made of the code: docs/states.md, docs/law.md.
docs: .venv/dev.stamp
	@$(BIN)/python -m tests.generated

# Each screen as a picture, on a phone and on a screen: var/pictures/index.html. ONLY="guichet mairie/grille" for some.
pictures: .venv/dev.stamp
	@$(BIN)/python -m tests.pictures $(ONLY)

lighthouse: .venv/lighthouse.stamp
	@$(BIN)/python -m benchmarks.lighthouse $(ONLY)

lint: .venv/dev.stamp
	@$(BIN)/flake8

# Versions and hashes are pinned again from setup.cfg; read the difference before committing it.
lock: .venv/dev.stamp
	$(BIN)/pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header setup.cfg -o requirements.txt
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --extra dev setup.cfg -c requirements.txt -o requirements-dev.txt

# What the portal is made of, as CycloneDX: var/sbom.json. Of the lock file: the same for the same versions.
sbom: .venv/dev.stamp
	@mkdir -p var
	@$(BIN)/cyclonedx-py requirements --output-reproducible --of JSON -o var/sbom.json requirements.txt
	@echo var/sbom.json

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/run.stamp: requirements.txt | .venv/bin/python
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@touch $@

.venv/dev.stamp: requirements-dev.txt tests/node/package-lock.json .venv/run.stamp
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	$(BIN)/python -m tests.npm tests/node
	@touch $@

.venv/lighthouse.stamp: benchmarks/node/package-lock.json .venv/dev.stamp
	$(BIN)/python -m tests.npm benchmarks/node
	@touch $@

clean:
	rm -rf .venv var */node/node_modules
