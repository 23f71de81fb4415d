# The commands of this project. `make help` lists them; each installs what it lacks (no root needed, but
# for bench: its packages).

SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help setup build static deb demo test test-rust test-postgres test-python conformance openapi rehearsal-proof kill-proof write-proof split-proof deploy-proof alerts-proof million-rows million-checked smuggling bench fuzz fmt lint

# A cmake and the Python packages that setup has put there.
export PATH := $(CURDIR)/.tools/venv/bin:$(PATH)
# Beside the project when it is checked out with its recordings.
CONFORMANCE ?= ../shared/conformance
# Comma-separated; none means all, and then the rows that were left as well.
CONFORMANCE_SECTIONS ?=
TARGET := $(or $(CARGO_TARGET_DIR),target)
# `--workspace` so that dependencies are built once, with the same features, whatever is asked for.
RELEASE := cargo build --release --workspace --bin strangler-proxy --bin agent-service --bin migrate

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 22

setup: ## find the compilers, install Python packages (and cmake, if none) into .tools/venv
	@scripts/bootstrap.sh

build: setup ## the three programs, optimised, in target/release
	$(RELEASE)

static: setup ## the three programs, without a library of the machine: musl where the toolchain can, else static glibc
	@scripts/static.sh

deb: setup ## a Debian package of them, with manual pages and completions, in target/debian
	@scripts/deb.sh

demo: setup ## the whole story in a terminal, under a minute once built
	$(RELEASE)
	$(TARGET)/release/migrate demo

test: test-rust test-postgres test-python conformance openapi ## everything: unit, property, process and Python tests, recordings, OpenAPI

test-rust: setup
	cargo test --workspace

test-postgres: setup ## the service's own tests once more, on a throw-away PostgreSQL
	TEST_DATABASE=postgres cargo test --workspace --lib -- handlers:: store:: execution:: trainer:: courier:: monitoring:: meta_training::

test-python: setup
	.tools/venv/bin/python -m pytest tests/monolith
	.tools/venv/bin/python -m pytest -q -p no:cacheprovider tests/ledger
	cargo build --workspace --bin migrate --bin agent-service
	MIGRATE="$(TARGET)/debug/migrate" AGENT_SERVICE="$(TARGET)/debug/agent-service" .tools/venv/bin/python -m pytest -q -p no:cacheprovider tests/scan

conformance: setup ## compare the service with the recorded answers of the monolith, on both databases
	@scripts/conformance.sh "$(CONFORMANCE)" "$(CONFORMANCE_SECTIONS)" "$(TARGET)/debug/agent-service" sqlite
	@scripts/conformance.sh "$(CONFORMANCE)" "$(CONFORMANCE_SECTIONS)" "$(TARGET)/debug/agent-service" postgres

openapi: setup ## ask the service everything that its own description allows, and more; about two minutes
	cargo build --workspace --bins
	.tools/venv/bin/python tests/openapi "$(TARGET)/debug/agent-service"

rehearsal-proof: setup ## 10,000 writes with and without rehearsals, the two databases compared; some minutes
	cargo test --workspace --test e2e -- --ignored --nocapture ten_thousand_rehearsed

kill-proof: setup ## ten kills of the service while 200 executions run; three minutes
	cargo test --workspace --test e2e -- --ignored --nocapture ten_kills

write-proof: setup ## both backends write one SQLite file as fast as they can; a minute
	cargo test --workspace --test e2e -- --ignored --nocapture both_sides_write

split-proof: setup ## the tables are moved while clients write and the mover is killed again and again; a minute
	cargo test --workspace --test e2e -- --ignored --nocapture every_write_is_there_once

deploy-proof: setup ## a throw-away systemd machine: installed, killed, hanging, updated, taken away; two minutes, needs root
	cargo build --workspace --bins
	PROGRAMS="$(TARGET)/debug" .tools/venv/bin/python -m pytest -q -s -p no:cacheprovider tests/booted

alerts-proof: ## the alerts of deploy/prometheus on made-up figures, by promtool
	cd deploy/prometheus && tool="$$(../../scripts/promtool.sh)" && "$$tool" check rules strangler.rules.yml && "$$tool" test rules strangler.tests.yml

million-rows: setup ## how long lists of a million executions take, without and with the optional indexes; some minutes
	cargo test --release --workspace --test e2e -- --ignored --nocapture a_million_executions

million-checked: setup ## how long `migrate schema check` takes for a million rows, on both databases; a minute
	cargo test --workspace --lib -- --ignored --nocapture a_million_rows_are_checked

smuggling: setup ## the smuggling corpus against the proxy, nginx and HAProxy, as a table
	scripts/bench-tools.sh
	cargo test --workspace --test e2e -- --ignored --nocapture beside_nginx_and_haproxy

bench: setup ## the proxy beside bare pingora, nginx and HAProxy; what mirroring costs clients; the service beside Python
	scripts/bench-tools.sh
	$(RELEASE) --bin bench
	$(TARGET)/release/bench run
	$(TARGET)/release/bench shadow
	$(TARGET)/release/bench services

fuzz: ## a million made-up pairs of bodies through the comparer
	@scripts/fuzz.sh

fmt: ## format all code
	cargo fmt --all

lint: setup ## format check, clippy, documentation; warnings are errors
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps
