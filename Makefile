# Everything one does with this tree. `make` alone says what there is.

# rustup puts cargo here; a fresh shell may not know it yet.
export PATH := $(PATH):$(HOME)/.cargo/bin

# What the tests start: the servers, a browser and its driver, and the library that a browser test uses
# unchanged; procps has `kill`, with which tests send signals; prometheus has `promtool`, which reads our alert rules.
TEST_PACKAGES := janus redis-server chromium chromium-driver libjs-janus-gateway libjs-webrtc-adapter procps \
	prometheus

.PHONY: help demo up down servers test compose failure chaos bench fuzz sim micro lint format clippy docs build release clean
.NOTPARALLEL:

help:
	@echo "make demo      try it: a Janus, Switchboard in front of it, and a page to call from"
	@echo "               (DEMO_PORT=9000 make demo for another port than 8080)"
	@echo "make up        start a cluster in containers, and say where it is (settings: .env.example)"
	@echo "make down      stop it; make up goes on where it was"
	@echo "make test      run every test; it installs the servers and the browser they need"
	@echo "make compose   run the tests of the cluster in containers; they bring their own engine"
	@echo "make failure   break everything once and say how long each recovery takes (docs/failure.md)"
	@echo "make chaos     break processes at random while everybody calls"
	@echo "               (CHAOS_SECONDS=120 CHAOS_PAIRS=50 CHAOS_SEED=any)"
	@echo "make bench     measure how fast it is, beside Janus alone and beside janus-cloud (docs/performance.md)"
	@echo "make fuzz      feed the reader of clients' frames with nonsense (FUZZ_SECONDS=60)"
	@echo "make sim       tell more of the simulated stories than the tests do (SEEDS=10000), or one (SEED=7)"
	@echo "make micro     measure the hot paths one by one (docs/performance.md)"
	@echo "make lint      formatting, lints and documentation, with warnings as errors"
	@echo "make build     build the executable: target/debug/switchboard"
	@echo "make release   build it for use: target/release/switchboard"
	@echo "make clean     remove what was built"

demo:
	@scripts/demo

# Compose is a plugin of docker, or, in its older form, a program.
COMPOSE = $(shell docker compose version >/dev/null 2>&1 && echo docker compose || echo docker-compose)

up:
	$(COMPOSE) up --build -d
	@$(COMPOSE) logs --no-color lb | sed -n 's/^[^|]*| \(  .*\)/\1/p'

down:
	$(COMPOSE) down

# In an instant where they are there already.
servers:
	@scripts/install $(TEST_PACKAGES)
	@scripts/install-janus-cloud

# One cargo command, so that the executable that the tests start is built in the same step.
test: servers
	cargo test --workspace --no-fail-fast

compose: servers
	tests/compose/run

# What the tests of failures print are the numbers of docs/failure.md; one that fails is shown whole.
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

# In the profile of a release, as what it starts.
bench: servers
	cargo build --release -p switchboard -p testkit
	cargo bench -p bench --bench cluster

# Without a sanitizer it needs no nightly compiler; the crates it feeds forbid unsafe code.
fuzz: FUZZ_SECONDS ?= 60
fuzz:
	command -v cargo-fuzz || cargo install --locked cargo-fuzz
	mkdir -p fuzz/corpus
	cd fuzz && cargo fuzz run frame --sanitizer none corpus seeds -- -max_total_time=$(FUZZ_SECONDS) -max_len=8192

sim: SEEDS ?= 10000
sim:
	SEEDS=$(SEEDS) SEED=$(SEED) cargo test -p system-tests -- sim::whatever --nocapture

micro: servers
	cargo bench -p protocol -p bus -p directory --bench '*'

lint: format clippy docs

format:
	cargo fmt --all --check
	cargo fmt --manifest-path fuzz/Cargo.toml --check

clippy:
	cargo clippy --workspace --all-targets --features system-tests/compose -- -D warnings

# Nobody but us reads these pages, and a module's doc names its private parts.
docs:
	RUSTDOCFLAGS="-D warnings -A rustdoc::private_intra_doc_links" cargo doc --workspace --no-deps --document-private-items

build:
	cargo build -p switchboard

release:
	cargo build --release -p switchboard

clean:
	cargo clean
