# Sets itself up in .venv: a fresh machine needs Python 3.11 or newer, make and a C++20 compiler.
# make PYTHON=python3.13 … chooses the interpreter; LIVE=1 make demo reads the real venue's public data.
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet
SOURCES := $(shell find src native -not -path '*__pycache__*') pyproject.toml CMakeLists.txt README.md LICENSE
NATIVE := $(filter %.cpp %.hpp,$(SOURCES))
JOBS := $(shell getconf _NPROCESSORS_ONLN)
DIST := dist
MAKEFLAGS += --no-print-directory

.PHONY: help demo test core sanitize lint format bench wheel clean

help:
	@echo 'make demo | test | lint | format | bench | wheel | sanitize | clean'

demo: .venv/installed
	$(BIN)/tidewire demo

test: core .venv/installed .venv/with-test
	$(BIN)/python -m pytest

core: build/core build/ctp_sim  # native/core and the CTP simulator alone, by plain CMake
# The same, the fuzz targets and the CTP binding under AddressSanitizer and UndefinedBehaviorSanitizer; all of CTP under
# ThreadSanitizer, too.
sanitize: build/sanitize build/ctp_sim-memory build/ctp_sim-threads .venv/installed .venv/with-test
	tools/sanitize_ctp .venv build/ctp

lint: build/core .venv/installed .venv/with-test .venv/with-lint
	$(BIN)/ruff check
	$(BIN)/ruff format --check --quiet
	@echo clang-format; $(BIN)/clang-format --dry-run --Werror $(NATIVE)
	PYTHONPATH=src $(BIN)/lint-imports
	$(BIN)/mypy
	$(BIN)/python tools/ctp_stubs.py build/wire.pyi
	$(BIN)/mypy build/wire.pyi
	$(BIN)/pyright
	$(BIN)/python -m mypy.stubtest --ignore-disjoint-bases --ignore-unused-allowlist --allowlist tests/typing/stubtest.txt tidewire._native tidewire._ctp
	@echo clang-tidy; echo native/core/src/*.cpp | xargs -n 1 -P $(JOBS) $(BIN)/clang-tidy --quiet -p build/core

format: .venv/with-lint
	$(BIN)/ruff check --fix-only
	$(BIN)/ruff format --quiet
	$(BIN)/clang-format -i $(NATIVE)

bench: .venv/installed .venv/with-test .venv/with-bench build/rivals/installed
	$(BIN)/python -m pytest benchmarks --benchmark-json=build/benchmarks.json
	$(BIN)/python benchmarks/report.py build/benchmarks.json

wheel: .venv/with-wheel
	$(BIN)/python -m build --outdir $(DIST)

clean:
	rm -rf .venv build dist

# Stamps: each file says that what it is named after is up to date.

.venv/prepared: tools/prepare pyproject.toml
	@tools/prepare .venv $(PYTHON)
	@touch $@

.venv/installed: .venv/prepared $(SOURCES)
	$(PIP) --no-build-isolation --config-settings=build-dir=build/wheel '.[cli]'
	@touch $@

.venv/with-%: .venv/prepared
	$(PIP) --group $*
	@touch $@

VNPY_CTP := 'vnpy_ctp==6.7.11.4; sys_platform == "linux" and platform_machine == "x86_64"'
build/rivals/installed: pyproject.toml  # whole clients to compare with, in an environment of their own
	$(BIN)/python -m venv build/rivals
	build/rivals/bin/python -m pip install --quiet 'pip>=25.1'
	build/rivals/bin/python -m pip --disable-pip-version-check install --quiet --group rivals
	# Without what its gateway needs (vnpy, and with that a desktop's libraries): only its binding is measured.
	build/rivals/bin/python -m pip --disable-pip-version-check install --quiet --no-deps $(VNPY_CTP)
	@touch $@

CORE := build/core build/sanitize
CTP_SIM := build/ctp_sim build/ctp_sim-memory build/ctp_sim-threads
.PHONY: $(CORE) $(CTP_SIM)
$(CORE): PROJECT := native/core
$(CTP_SIM): PROJECT := native/ctp_sim -DPython_EXECUTABLE=$(CURDIR)/$(BIN)/python
build/core build/ctp_sim: OPTIONS := -DCMAKE_BUILD_TYPE=Release
build/sanitize: OPTIONS := -DCMAKE_BUILD_TYPE=RelWithDebInfo -DTIDEWIRE_SANITIZE=ON
build/ctp_sim-memory: OPTIONS := -DCMAKE_BUILD_TYPE=RelWithDebInfo -DTIDEWIRE_SANITIZE=address,undefined
build/ctp_sim-threads: OPTIONS := -DCMAKE_BUILD_TYPE=RelWithDebInfo -DTIDEWIRE_SANITIZE=thread
$(CORE) $(CTP_SIM): .venv/prepared
	$(BIN)/cmake -S $(PROJECT) -B $@ -DCMAKE_EXPORT_COMPILE_COMMANDS=ON $(OPTIONS)
	$(BIN)/cmake --build $@ --parallel $(JOBS)
	$(BIN)/ctest --test-dir $@ --output-on-failure --parallel $(JOBS)
