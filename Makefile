# Two commands for a newcomer: `make run` serves the echo example, `make test` runs every test.

MAKEFLAGS += --no-print-directory
CARGO := cargo
COMPONENTS := target/components
GUEST_BUILD := $(CARGO) build --profile guest --target wasm32-wasip2 --target-dir target/guests
EXAMPLES := echo chat counter rooms

.PHONY: help setup build host components run test unit integration clients compatibility lint api contract deny fuzz soak bench \
        bench-peers bench-report bench-density instructions conformance matrix profiled ci clean

help:
	@echo "make run          build the host and the echo example, and serve it"
	@echo "make test         set up what the tests need, and run them all"
	@echo "make build        host to target/release/ws-host, components to $(COMPONENTS)/NAME.wasm"
	@echo "make profiled     the host once more, compiled for what it does most: target/profiled/ws-host"
	@echo "make unit         the tests that need no host: seconds"
	@echo "make conformance  the Autobahn TestSuite against the echo component"
	@echo "make matrix       clients and proxies of others against the server; installs dozens of packages"
	@echo "make bench        ws-host beside its peers, as a table"
	@echo "make bench-peers  Bun, workerd and ws for node, to take part in make bench; needs npm"
	@echo "make bench-report the same into docs/performance.md and docs/performance.svg"
	@echo "make instructions what a message costs, counted and held against a budget"
	@echo "make bench-density  100,000 sandboxes; needs 5 GB of memory"
	@echo "make soak         everything at once for ten minutes: memory and descriptors stay flat"
	@echo "make fuzz         every fuzz target for SECONDS (60)"
	@echo "make lint         formatting, clippy, documentation, layers, public API"
	@echo "make api          writes the listings of the public API, docs/api, after a change on purpose"
	@echo "make contract     writes docs/contract.md, the page of wit/"
	@echo "make ci           all of it, as the continuous integration does"

setup:
	@rustup target list --installed | grep -qx wasm32-wasip2 || rustup target add wasm32-wasip2

build: host components

host:
	$(CARGO) build --release -p ws-host -p embedding

components: setup
	$(GUEST_BUILD) $(addprefix -p ,$(EXAMPLES))
	$(GUEST_BUILD) -p ws-host-test-guests --examples
	@mkdir -p $(COMPONENTS)
	@for name in $(EXAMPLES); do cp target/guests/wasm32-wasip2/guest/$$name.wasm $(COMPONENTS)/; done
	@for file in tests/guests/examples/*.rs; do name=$$(basename $$file .rs | tr - _); \
	  cp target/guests/wasm32-wasip2/guest/examples/$$name.wasm $(COMPONENTS)/guest-$$(basename $$file .rs).wasm || exit 1; done

# Profile-guided optimisation. What it brings is in docs/performance.md.
profiled: components
	host/build-profiled

run: build
	target/release/ws-host --component $(COMPONENTS)/echo.wasm

test: build clients compatibility unit integration

unit:
	$(CARGO) test -p ws-host-protocol -p ws-host-client -p ws-guest -p ws-host-bench -p ws-host-matrix \
	  -p ws-host-compatibility

integration:
	$(CARGO) test --release -p ws-host --lib --bins --tests
	$(CARGO) test --release -p ws-host-integration

# Real clients: the npm package `ws`, the PyPI package `websockets`, a headless Chromium.
clients:
	tests/clients/install

# Handlers in languages whose components are too large to be kept.
compatibility:
	CARGO=$(CARGO) tests/compatibility/build python go

# Clients and proxies that others wrote. MATRIX="--some" is what the continuous integration runs, --record
# writes docs/interoperability.md.
matrix: build
	tests/matrix/install $(MATRIX)
	$(CARGO) run --release -p ws-host-matrix -- $(MATRIX)

conformance: build
	tests/conformance/install
	$(CARGO) run --release -p ws-host-conformance

soak: build
	SOAK_SECONDS=600 $(CARGO) test --release -p ws-host-integration -- soak --nocapture

SECONDS ?= 60
fuzz:
	host/protocol/fuzz/run $(SECONDS)

bench: build
	$(CARGO) run --release -p ws-host-bench -- $(BENCH)

# Servers of other runtimes, as npm packages.
bench-peers:
	tests/bench/peers/install

bench-report: build bench-peers
	$(CARGO) run --release -p ws-host-bench -- $(BENCH) --report docs

# What a message costs, held against tests/bench/instructions.json. It does not depend on how fast the
# machine is.
instructions: build
	tests/bench/install
	$(CARGO) run --release -p ws-host-bench -- instructions

# As many sandboxes as there may be connections, which is what `ulimit -Hn` says, and 100,000 without.
bench-density: build
	$(CARGO) run --release -p ws-host-bench -- density --dense 100000 --sandboxes 100000

lint:
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	$(CARGO) clippy -p embedding -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps --document-private-items
	host/check-layers
	CARGO=$(CARGO) wit/check-growth
	$(CARGO) run --quiet -p ws-host-compatibility --bin document -- wit docs/contract.md
	$(CARGO) run -p ws-host-api

# The listings of docs/api, after the public API was changed on purpose.
api:
	$(CARGO) run -p ws-host-api -- --write

contract:
	$(CARGO) run --quiet -p ws-host-compatibility --bin document -- wit docs/contract.md --write

# Licences, sources and duplicates of dependencies; needs `cargo install cargo-deny`.
deny:
	cargo deny check bans licenses sources

ci: setup lint unit
	$(MAKE) build
	$(MAKE) fuzz SECONDS=10
	$(MAKE) bench BENCH=--smoke
	$(MAKE) bench BENCH="exercise --smoke"
	$(MAKE) instructions
	$(MAKE) conformance
	$(MAKE) matrix MATRIX=--some
	$(MAKE) clients compatibility integration

clean:
	$(CARGO) clean
