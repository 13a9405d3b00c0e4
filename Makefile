# Common tasks. `make` without a target lists them.

# rustup installs cargo here. The path of a fresh shell may lack it.
export PATH := $(PATH):$(HOME)/.cargo/bin

# The tests start the servers, a browser and its driver, and use the unmodified janus.js. procps has `kill`, which
# sends signals to processes. prometheus has `promtool`, which checks the alert rules. nginx and haproxy stand in front
# of the edges.
TEST_PACKAGES := janus redis-server chromium chromium-driver libfaketime libjs-janus-gateway libjs-webrtc-adapter \
	procps prometheus nginx haproxy

.PHONY: help demo up down servers test compose failure chaos bench fuzz sim micro lint format clippy docs deny build release clean
.NOTPARALLEL:

help:
	@echo "make demo      start a Janus, Switchboard in front of it, and a page to call from"
	@echo "               (DEMO_PORT=9000 changes the port from 8080)"
	@echo "make up        start a cluster in containers and print its addresses (settings: .env.example)"
	@echo "make down      stop the cluster; its data stays for the next make up"
	@echo "make test      install the servers and the browser that the tests need, and run all tests"
	@echo "make compose   run the tests of the cluster in containers, if necessary with an engine of their own"
	@echo "make failure   inject each fault once and print the recovery times (docs/failure.md)"
	@echo "make chaos     inject random faults during calls"
	@echo "               (CHAOS_SECONDS=120 CHAOS_PAIRS=50 CHAOS_SEED=any)"
	@echo "make bench     measure the performance beside Janus alone and janus-cloud (docs/performance.md)"
	@echo "make fuzz      fuzz what services read from clients, Janus and Redis (FUZZ_SECONDS=15 each)"
	@echo "make sim       run the simulation with more seeds than the tests (SEEDS=10000), or with one (SEED=7)"
	@echo "make micro     run the micro-benchmarks of the hot paths (docs/performance.md)"
	@echo "make lint      check formatting, lints and documentation, with warnings as errors"
	@echo "make deny      check licences, sources and duplicates of dependencies (deny.toml)"
	@echo "make build     build target/debug/switchboard"
	@echo "make release   build target/release/switchboard"
	@echo "make clean     remove the build output"

demo:
	@scripts/demo

# Compose is a plugin of docker or, in older versions, a program of its own.
COMPOSE = $(shell docker compose version >/dev/null 2>&1 && echo docker compose || echo docker-compose)

up:
	$(COMPOSE) up --build -d
	@$(COMPOSE) logs --no-color lb | sed -n 's/^[^|]*| \(  .*\)/\1/p'

down:
	$(COMPOSE) down

# Returns at once if all are installed.
servers:
	@scripts/install $(TEST_PACKAGES)
	@scripts/install-janus-cloud

# One cargo command, which also builds the executable that the tests start.
test: servers
	cargo test --workspace --no-fail-fast

compose: servers
	tests/compose/run

# The failure tests print the figures of docs/failure.md. A failed run is shown in full.
failure: servers
	cargo test -p system-tests -p switchboard --no-run
	@log=$$(mktemp) && trap 'rm -f '$$log EXIT && \
	if cargo test --quiet -p system-tests --test system -- failure:: --show-output >$$log 2>&1; \
	then grep '^failure: ' $$log | sort; else cat $$log; exit 1; fi

chaos: export CHAOS_SECONDS ?= 120
chaos: export CHAOS_PAIRS ?= 50
chaos: servers
	cargo test -p system-tests -p switchboard --no-run
	cargo test -p system-tests --test system -- failure::chaos --nocapture

# In the release profile, as are the processes that it starts.
bench: servers
	cargo build --release -p switchboard -p testkit
	cargo bench -p bench --bench cluster

# Without a sanitizer it needs no nightly compiler. The fuzzed crates forbid unsafe code.
fuzz: FUZZ_SECONDS ?= 15
fuzz: FUZZ_TARGETS ?= frame janus redis
fuzz:
	command -v cargo-fuzz || cargo install --locked cargo-fuzz
	cd fuzz && cargo fuzz build --sanitizer none
	cd fuzz && for target in $(FUZZ_TARGETS); do mkdir -p corpus/$$target && \
		cargo fuzz run $$target --sanitizer none corpus/$$target seeds/$$target -- \
		-max_total_time=$(FUZZ_SECONDS) -max_len=8192 -timeout=5 || exit 1; done

sim: SEEDS ?= 10000
sim:
	SEEDS=$(SEEDS) SEED=$(SEED) cargo test -p system-tests -- sim::random_seeds --nocapture

micro: servers
	cargo bench -p protocol -p bus -p directory --bench '*'

# Without the database of advisories, which needs the network. An exception that no longer matches is an error.
deny:
	$$(scripts/install-cargo-deny) --offline --locked check -D unmatched-skip -D license-not-encountered \
		licenses bans sources

lint: format clippy docs

format:
	cargo fmt --all --check
	cargo fmt --manifest-path fuzz/Cargo.toml --check

clippy:
	cargo clippy --workspace --all-targets --features system-tests/compose -- -D warnings

# The pages are internal, and the docs of modules link private items.
docs:
	RUSTDOCFLAGS="-D warnings -A rustdoc::private_intra_doc_links" cargo doc --workspace --no-deps --document-private-items

build:
	cargo build -p switchboard

release:
	cargo build --release -p switchboard

clean:
	cargo clean
