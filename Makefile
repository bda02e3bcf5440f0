PYTHON := .venv/bin/python
COMPILE := .venv/bin/uv pip compile --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --quiet

.PHONY: setup test truth bench bench-packages chaos fuzz fuzz-packages lock

setup:  ## everything that running and testing needs
	./scripts/setup.sh test

test:  ## the linters and every test; the same as CI
	./check

truth:  ## ten seeds of the simulator on both runners, in order and shuffled
	CONTROLWATCH_SEEDS=1-10 $(PYTHON) -m pytest -q --timeout=3600 tests/truth

bench: bench-packages  ## measurements; ONLY=name for one of them, BENCH="--write --resume" for more options (docs/performance.md)
	$(PYTHON) -m tests.bench $(ONLY) $(BENCH)

bench-packages:  ## what only measurements need, in a folder of its own (docs/decisions/0015-contenders.md)
	.venv/bin/uv --quiet pip install --python $(PYTHON) --target .venv/bench --require-hashes -r requirements-bench.lock

chaos:  ## faults on real services (docs/reliability.md); ROWS="T01 T09", SCALE=0.1, SEED=n, CHAOS="--jobs 2" for more options
	@ROWS="$(ROWS)" SCALE="$(SCALE)" SEED="$(SEED)" $(PYTHON) -m tests.chaos $(CHAOS)

fuzz: fuzz-packages  ## every decoder with bytes that reach ever more of it (atheris); ONLY=name, SECONDS_EACH=n
	PYTHONPATH=.venv/fuzz $(PYTHON) -m tests.fuzz

fuzz-packages:  ## what only fuzzing needs, in a folder of its own
	.venv/bin/uv --quiet pip install --python $(PYTHON) --target .venv/fuzz --require-hashes -r requirements-fuzz.lock

lock:  ## renew the pinned versions (docs/decisions/0002-lock-file.md); UPGRADE=--upgrade for newer ones
	$(COMPILE) $(UPGRADE) pyproject.toml -o requirements.lock
	$(COMPILE) $(UPGRADE) pyproject.toml --group dev -c requirements.lock -o requirements-dev.lock
	$(COMPILE) $(UPGRADE) --group build -o requirements-build.lock
	$(COMPILE) $(UPGRADE) --group bench -o requirements-bench.lock
	$(COMPILE) $(UPGRADE) --group fuzz -o requirements-fuzz.lock
