# The two commands are `make repro` and `make test`; `make` alone lists everything.
.POSIX:

TORCH =
VENV = .venv
PYTHON =
PIP_ARGS =
PORT = 5000
LOCK_ARGS =
IMAGE_ARGS =
BENCH =
REPRO_ARGS =

# Nothing here asks, phones home, or looks for a newer version; the hub client takes only what is pinned and on disk.
QUIET = DO_NOT_TRACK=1 DVC_NO_ANALYTICS=1 MLFLOW_DISABLE_TELEMETRY=true HF_HUB_DISABLE_TELEMETRY=1 HF_HUB_OFFLINE=1
RUN = PATH="$$(cd $(VENV)/bin && pwd):$$PATH" $(QUIET)
# A second `make repro` in the same checkout waits for the first instead of failing on DVC's lock.
ALONE = $$(command -v flock >/dev/null && mkdir -p .dvc/tmp && echo flock .dvc/tmp/make.lock)

help:
	@echo "make repro    make the environment, run what is missing of the active profile, print the verdicts"
	@echo "make test     ruff, mypy, the import contracts and the tests"
	@echo "make test-fast  the same without the tests marked slow (a few minutes)"
	@echo "make test-image  build the CPU image with the Docker engine and test it (IMAGE_ARGS: harness image build --help)"
	@echo "make bench    run the cheap benchmarks and write benchmarks/RESULTS.md anew (BENCH=--list says what there is, and"
	@echo "              what takes long: BENCH=--all runs that too, BENCH='growth verify' only these)"
	@echo "make ui       MLflow's pages on http://127.0.0.1:$(PORT); prints each experiment's address (harness track imports)"
	@echo "make venv     only the environment: $(VENV), from requirements/cpu.txt or cuda.txt, dev.txt, bench.txt"
	@echo "make lock     write requirements/*.txt anew from pyproject.toml and requirements/*.in"
	@echo "make clean    remove build/, dvc_plots/ and the tools' caches; keeps $(VENV), results/, mlruns/ and DVC's cache"
	@echo "make distclean  remove those too"
	@echo "Variables: TORCH=cpu|cuda (default: what $(VENV) has, else cpu)  VENV=.venv  PYTHON=python3.11  PORT=5000"
	@echo "           REPRO_ARGS='--jobs N': units at a time (harness repro --help)"
	@echo "           PIP_ARGS='...': options for pip, e.g. where to find the CPU build of torch (requirements/cpu.in says why)"

venv:
	@VENV='$(VENV)' TORCH='$(TORCH)' PYTHON='$(PYTHON)' PIP_ARGS='$(PIP_ARGS)' sh requirements/install.sh

repro: venv
	@$(RUN) $(ALONE) harness repro $(REPRO_ARGS)

# tests/conftest.py puts the files that take longest first; xdist's own order, by number of tests, would put them last.
PYTEST = $(RUN) OMP_NUM_THREADS=1 pytest -n 2 --dist loadfile --no-loadscope-reorder

check: venv
	@$(RUN) ruff check harness tests benchmarks examples
	@$(RUN) ruff format --check harness tests benchmarks examples
	@$(RUN) mypy
	@$(RUN) lint-imports --no-logo

test: check
	@$(PYTEST)

test-fast: check
	@$(PYTEST) -m 'not slow'

# The CPU build of torch goes into the build as a file, since no index that pip knows in a container need offer it.
build-image: venv
	@mkdir -p requirements/wheels
	@awk 'index($$0, "torch==") == 1 { on = 1 } on { print } on && !/\\$$/ { on = 0 }' requirements/cpu.txt >requirements/wheels/torch.txt
	@$(VENV)/bin/python -m pip download -qq $(PIP_ARGS) --no-deps --require-hashes -d requirements/wheels -r requirements/wheels/torch.txt
	@$(RUN) harness image build --torch cpu --tag harness:test $(IMAGE_ARGS)

test-image: build-image
	@$(RUN) HARNESS_TEST_IMAGE="$$(docker image inspect --format '{{.Id}}' harness:test)" pytest -n 2 --dist loadfile -m engine tests/launch/engine

bench: venv
	@$(RUN) python benchmarks/bench.py $(BENCH)

ui: venv
	@$(RUN) python -m harness.exchange.tracking.links mlruns '$(PORT)'
	@$(RUN) MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false mlflow ui --backend-store-uri sqlite:///mlruns/mlflow.db \
		--host 127.0.0.1 --port $(PORT) --workers 1

# The locks hold every platform's hashes and name no host. cpu.txt and cuda.txt hold what a run needs and differ only in torch
# and what its CUDA build loads: uv keeps what a lock holds already, and the second starts as a copy of the first. dev.txt
# and bench.txt hold the tools on top. LOCK_ARGS='--upgrade' moves everything that may move.
# uv doesn't read pip's settings, so the folder of the "+cpu" wheel is handed to it, for the CPU lock alone.
LOCK = $(RUN) uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
	--custom-compile-command 'make lock'
RUNTIME = pyproject.toml --extra run --extra track requirements/pins.in

lock: venv
	UV_FIND_LINKS="$${UV_FIND_LINKS:-$$PIP_FIND_LINKS}" $(LOCK) $(RUNTIME) requirements/cpu.in -o requirements/cpu.txt $(LOCK_ARGS) >/dev/null
	mkdir -p build && cp requirements/cpu.txt build/cuda.txt
	UV_FIND_LINKS= $(LOCK) $(RUNTIME) requirements/cuda.in -o build/cuda.txt >/dev/null
	mv build/cuda.txt requirements/cuda.txt
	UV_FIND_LINKS= $(LOCK) --group dev -c requirements/cpu.txt -o requirements/dev.txt $(LOCK_ARGS) >/dev/null
	UV_FIND_LINKS= $(LOCK) --no-deps requirements/bench.in -o requirements/bench.txt $(LOCK_ARGS) >/dev/null

clean:
	@echo "removing build/, dvc_plots/, *.egg-info, __pycache__ and the caches of ruff, mypy, pytest and hypothesis"
	@rm -rf build dvc_plots ./*.egg-info .ruff_cache .mypy_cache .pytest_cache .hypothesis
	@find harness tests -name __pycache__ -prune -exec rm -rf {} +

distclean: clean
	@echo "removing $(VENV), results/, requirements/wheels/, DVC's cache and the MLflow database"
	@rm -rf '$(VENV)' '$(VENV).lock' results requirements/wheels .dvc/cache .dvc/tmp
	@find mlruns -mindepth 1 ! -name .gitkeep -prune -exec rm -rf {} +

.PHONY: help venv repro check test test-fast build-image test-image bench ui lock clean distclean
