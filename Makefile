# For newcomers: `make run` serves the echo example, `make test` runs all tests, `make help` lists the other targets.

MAKEFLAGS += --no-print-directory
CARGO := cargo
COMPONENTS := target/components
# The stack is as long as in projects of `ws-host new` (host/templates/rust/all/dot-cargo/config.toml).
GUEST_BUILD := $(CARGO) build --profile guest --target wasm32-wasip2 --target-dir target/guests \
  --config 'target.wasm32-wasip2.rustflags=["-Clink-arg=-zstack-size=1107968"]'
EXAMPLES := echo chat counter rooms capabilities cluster
# The host and what tests it. Always built together, in cargo's profile `dev`: with other packages beside them,
# dependencies would have other features, and would be compiled once more.
TEST_PACKAGES := $(addprefix -p ,embedding ws-guest ws-host ws-host-bench ws-host-client ws-host-compatibility \
  ws-host-conformance ws-host-integration ws-host-languages ws-host-matrix ws-host-protocol ws-host-testing)
# What measures is optimised, and runs an optimised host.
BENCH_PROGRAM := $(CARGO) run --release -p ws-host-bench --

.PHONY: help setup build host static tester components run test test-programs unit integration clients compatibility languages language-costs lint api contract bindings deny fuzz soak bench \
        bench-peers bench-report bench-density instructions installs conformance matrix packages deb dist check-packages release reproducible profiled ci clean

help:
	@echo "make run          build the host and the examples, and serve the echo example"
	@echo "make test         install what the tests need, and run all of them"
	@echo "make build        build target/release/ws-host and $(COMPONENTS)/NAME.wasm"
	@echo "make static       build a program that needs no C library: target/ARCHITECTURE-unknown-linux-musl/release/ws-host"
	@echo "make profiled     build the host with profile-guided optimisation: target/profiled/ws-host"
	@echo "make unit         run the tests that need no host, which takes seconds"
	@echo "make conformance  run the Autobahn TestSuite against the server and the client"
	@echo "make matrix       test third-party clients and proxies; installs dozens of packages"
	@echo "make languages    build the templates of every language and run the same scenarios against each"
	@echo "make language-costs  measure what each language costs, as the table in docs/languages.md"
	@echo "make bench        compare ws-host with other servers, as a table"
	@echo "make bench-peers  install Bun, workerd, ws and Socket.IO for node, Redis, and Sockudo, for make bench; needs npm"
	@echo "make bench-report write the comparison into docs/performance.md and docs/performance.svg"
	@echo "make instructions count the instructions per message and check them against a budget"
	@echo "make bench-density  measure 100,000 sandboxes; needs 5 GB of memory"
	@echo "make soak         run everything at once for ten minutes; memory and descriptors must not grow"
	@echo "make fuzz         run every fuzz target for SECONDS (60)"
	@echo "make lint         check formatting, clippy, documentation, layers, contract and public API"
	@echo "make api          update docs/api after an intended change of the public API"
	@echo "make contract     generate docs/contract.md from wit/"
	@echo "make bindings     generate the Rust bindings in guest-sdk/bindings from wit/"
	@echo "make packages     make the archives that cargo publishes, and check that they are complete"
	@echo "make deb          make a Debian package of target/release/ws-host, in target/dist"
	@echo "make dist         package the program and its licences in target/dist, with sums"
	@echo "make check-packages  install the package of make dist on a new Debian; check the container image"
	@echo "make deny         check the licences, sources and known vulnerabilities of all dependencies"
	@echo "make release      build and check everything that a release consists of; takes an hour"
	@echo "make reproducible check that two builds in different folders are the same"
	@echo "make ci           run everything that continuous integration runs"

setup:
	@rustup target list --installed | grep -qx wasm32-wasip2 || rustup target add wasm32-wasip2

build: host tester components

# `ws-host --version` prints the commit.
host static: export WS_HOST_COMMIT ?= $(shell git rev-parse --short=12 HEAD 2>/dev/null)
host:
	$(CARGO) build --release -p ws-host

# A program that needs no C library of the system.
static: STATIC = $(shell uname -m)-unknown-linux-musl
static:
	@command -v musl-gcc >/dev/null || { echo "static: there is no musl-gcc. Run \`apt install musl-tools\`" >&2; exit 1; }
	rustup target add $(STATIC)
	$(CARGO) build --release --locked -p ws-host --target $(STATIC)

# The program behind `ws-host test`. By itself, because it needs a feature of tokio that the server must not have.
tester:
	$(CARGO) build --release -p ws-host-testing

components: setup
	$(GUEST_BUILD) $(addprefix -p ,$(EXAMPLES))
	$(GUEST_BUILD) -p ws-host-test-guests --examples
	@mkdir -p $(COMPONENTS)
	@for name in $(EXAMPLES); do cp target/guests/wasm32-wasip2/guest/$$name.wasm $(COMPONENTS)/; done
	@for file in tests/guests/examples/*.rs; do name=$$(basename $$file .rs | tr - _); \
	  cp target/guests/wasm32-wasip2/guest/examples/$$name.wasm $(COMPONENTS)/guest-$$(basename $$file .rs).wasm || exit 1; done

# Profile-guided optimisation. docs/performance.md has its effect.
profiled: components
	host/build-profiled

run: host components
	target/release/ws-host --component $(COMPONENTS)/echo.wasm

test: clients compatibility integration

# target/debug/ws-host, and the programs that test it.
test-programs:
	$(CARGO) build $(TEST_PACKAGES) --all-targets

unit:
	$(CARGO) test -p ws-host-protocol -p ws-host-client -p ws-guest -p ws-host-bench -p ws-host-matrix \
	  -p ws-host-compatibility

# All tests, even if some fail.
integration: components test-programs
	$(CARGO) test --no-fail-fast $(TEST_PACKAGES)

# Installs real clients: the npm package `ws`, the PyPI package `websockets`, a headless Chromium. And nats-server, and the
# tools of the languages, with which the pages of docs/ are followed.
clients:
	tests/clients/install
	tests/languages/install

# Builds the handlers in languages whose components are too large to be committed. COMPATIBILITY=--all fails instead of
# leaving out a language whose tools cannot be installed.
compatibility:
	CARGO=$(CARGO) tests/compatibility/build $(COMPATIBILITY) python go

# Third-party clients and proxies. MATRIX="--some" runs what continuous integration runs, MATRIX=--record writes
# docs/interoperability.md.
matrix: components test-programs
	tests/matrix/install $(MATRIX)
	target/debug/ws-host-matrix $(MATRIX)

# The templates of every language of `ws-host new`, held to the same scenarios. LANGUAGES=go:: runs those of one.
languages: test-programs
	tests/languages/install
	target/debug/ws-host-languages $(LANGUAGES)

# The table of costs in docs/languages.md. LANGUAGES='go c' measures only these. All of these programs are optimised.
language-costs: host components
	tests/languages/install
	$(CARGO) build --release -p ws-host-bench -p ws-host-languages
	target/release/ws-host-languages --costs $(LANGUAGES)

# CONFORMANCE=--some leaves out the cases that take longest.
conformance: components test-programs
	tests/conformance/install
	target/debug/ws-host-conformance $(CONFORMANCE)

soak: host components
	SOAK_SECONDS=600 WS_HOST_BIN=$(CURDIR)/target/release/ws-host $(CARGO) test -p ws-host-integration -- soak --nocapture

SECONDS ?= 60
fuzz:
	host/protocol/fuzz/run $(SECONDS)

bench: host components
	$(BENCH_PROGRAM) $(BENCH)

# Installs servers of other runtimes, as npm packages, and builds Sockudo.
bench-peers:
	tests/bench/peers/install

bench-report: host components bench-peers
	$(BENCH_PROGRAM) $(BENCH) --report docs

# Checks the instructions per message against tests/bench/instructions.json. The counts do not depend on the machine's
# speed.
instructions: host components
	tests/bench/install
	$(BENCH_PROGRAM) instructions

# Sandboxes with up to 100,000 connections, limited by `ulimit -Hn`, and then 100,000 sandboxes without connections.
bench-density: host components
	$(BENCH_PROGRAM) density --dense 100000 --sandboxes 100000

# With an example, `cargo doc` selects the same features of dependencies as `clippy --all-targets`, and checks none again.
DOCUMENTED := --lib --example alarming $(addprefix --bin ws-host-,bench conformance languages matrix)

lint:
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	$(CARGO) clippy -p embedding -- -D warnings
	$(CARGO) clippy -p ws-host --no-default-features --features cli -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps --document-private-items $(DOCUMENTED)
	host/check-layers
	CARGO=$(CARGO) wit/check-growth
	$(CARGO) run --quiet -p ws-host-compatibility --bin document -- wit docs/contract.md
	$(CARGO) run --quiet -p ws-host-compatibility --bin bindings -- wit guest-sdk/bindings/src
	$(CARGO) run -p ws-host-api

# Updates the listings in docs/api after an intended change of the public API.
api:
	$(CARGO) run -p ws-host-api -- --write

contract:
	$(CARGO) run --quiet -p ws-host-compatibility --bin document -- wit docs/contract.md --write

# The Rust bindings of ws-guest.
bindings:
	$(CARGO) run --quiet -p ws-host-compatibility --bin bindings -- wit guest-sdk/bindings/src --write

# Licences, sources and known vulnerabilities of dependencies.
deny:
	host/packaging/install
	host/packaging/check-dependencies

# The archives that `cargo publish` would upload. PACKAGES=--build also type-checks what is in them.
packages:
	CARGO=$(CARGO) host/packaging/check-archives $(PACKAGES)

deb:
	host/packaging/debian/build

# All packages of target/release/ws-host or WS_HOST_BIN. COMPRESSION=1 is faster.
dist:
	host/packaging/check-refusals
	host/packaging/dist

# Installs the package of `make dist` on a new Debian, and checks the Dockerfile or builds the image.
check-packages: components
	host/packaging/install
	host/packaging/check-debian
	host/packaging/check-image

# CONTRIBUTING.md has the steps before and after. DEBFULLNAME and DEBEMAIL say who publishes the Debian package.
release:
	host/packaging/release

# REPRODUCED=ws-host for the program, which takes as long as two builds.
reproducible:
	host/packaging/check-reproducible $(REPRODUCED)

# Whatever other targets install, in advance.
installs:
	tests/bench/install
	tests/conformance/install
	tests/matrix/install $(MATRIX)
	tests/languages/install
	tests/clients/install
	host/packaging/install

# What continuous integration runs. Each step says when it begins, so that its log shows what takes long.
step = @echo "ci: $$(date +%T) $(1)" && $(1)

# Packages are mostly waited for, so they are installed beside the build. Counting instructions takes one core for a
# minute, and the counts do not depend on what runs beside it. Everything runs the program of the profile `dev`:
# docs/decisions/one-build.md.
ci: setup
	mkdir -p target
	@echo "ci: $$(date +%T) make installs, beside make lint test-programs components"
	$(MAKE) installs MATRIX=--some >target/installs.log 2>&1 & installs=$$!; \
	  $(MAKE) lint test-programs components && \
	  { wait $$installs || { cat target/installs.log; exit 1; }; }
	@echo "ci: $$(date +%T) ws-host-bench instructions, beside make dist reproducible check-packages deny fuzz"
	target/debug/ws-host-bench instructions >target/instructions.log 2>&1 & instructions=$$!; \
	  WS_HOST_BIN=target/debug/ws-host $(MAKE) dist reproducible check-packages deny COMPRESSION=1 && \
	  $(MAKE) fuzz SECONDS=10 && \
	  { wait $$instructions; status=$$?; cat target/instructions.log; exit $$status; }
	$(call step,target/debug/ws-host-bench --smoke)
	$(call step,target/debug/ws-host-bench exercise --smoke)
	$(call step,$(MAKE) conformance CONFORMANCE=--some)
	$(call step,$(MAKE) matrix MATRIX=--some)
	$(call step,$(MAKE) languages)
	$(call step,NOTHING_MAY_BE_SKIPPED=1 tests/integration/check-time $(MAKE) clients compatibility integration COMPATIBILITY=--all)

clean:
	$(CARGO) clean
