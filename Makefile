# The few commands of this project. `make help` lists them; .ci/setup installs what each of them needs.

export PATH := $(CURDIR)/end2end/node_modules/.bin:$(or $(CARGO_HOME),$(HOME)/.cargo)/bin:$(PATH)

wasm := --target wasm32-unknown-unknown

help: ## List these targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## Build and start the chat; it prints its address
	.ci/setup build
	cargo leptos serve

watch: ## The same, and build and reload at every change
	.ci/setup build
	cargo leptos watch

test: ## Every check: lint, unit, dist, load, e2e
	.ci/setup test
	$(MAKE) lint
	$(MAKE) unit
	$(MAKE) load e2e

dist: ## Make the release in target/dist: the binary and its site
	.ci/setup dist
	rm -rf target/site
	cargo leptos build --release --precompress --split
	rm -rf target/dist target/dist.new
	mkdir -p target/dist.new
	cp target/release/live-chat target/dist.new/
	cp -R target/site target/dist.new/site
	mv target/dist.new target/dist

size: ## Print what a browser downloads from target/dist, in bytes of brotli: at the first load, then on demand
	@cd target/dist/site/pkg && wc -c live-chat.js.br __wasm_split.*.js.br live-chat.wasm.br && wc -c chunk_*.br split_*.br

setup: ## Install what all of these need
	.ci/setup test

lint: ## Check the format, and the code for the server and for the browser
	cargo fmt --check
	cargo clippy --all-targets -- -D warnings
	cargo clippy --lib --no-default-features --features hydrate $(wasm) -- -D warnings

unit: ## Run the tests in Rust
	cargo test

fuzz: ## Fuzz what decodes the bytes of clients, five minutes for each target (Rust nightly and cargo-fuzz)
	.ci/setup fuzz
	.ci/fuzz 300

survive: ## The same tests of crashes, damage, full disks and lost machines, for as long as it takes
	LIVE_CHAT_LONG=1 cargo test --test survive --test cluster -- --nocapture

load: dist ## Put the release under load for a minute: nothing may be lost, doubled or out of order
	cargo bench --bench fanout -- --quick --servers live-chat

e2e: dist ## Run the tests in a browser, on the release
	cd end2end && npx playwright test

cluster: dist ## Run the chat as on three machines: three NATS servers, three nodes, nginx (http://127.0.0.1:8080)
	.ci/setup cluster
	.ci/cluster

bench: dist ## Measure fan-out on the release, beside nginx's nchan if it is installed and axum's Sse, and a long history (20 minutes)
	.ci/setup bench
	cargo bench --bench fanout
	cargo bench --bench history
	cargo bench --bench interactive_sync
	.ci/setup cluster
	cargo bench --bench cluster

bench-quick: dist ## The same in a minute or two, to see that it works
	.ci/setup bench
	cargo bench --bench fanout -- --quick
	cargo bench --bench history -- --messages 200000
	cargo bench --bench interactive_sync -- --presses 100
	.ci/setup cluster
	cargo bench --bench cluster -- --seconds 3

emoji: ## Copy the emoji picker to public/emoji/vendor, in the versions that end2end/package.json names
	.ci/setup dist
	.ci/emoji

clean: ## Remove all that was built
	rm -rf target end2end/node_modules end2end/test-results

.PHONY: help run watch test dist size setup lint unit fuzz survive load e2e cluster bench bench-quick emoji clean
