# Two commands: `make run` and `make test`. Everything else is a part of them or a benchmark.
SHELL := /bin/bash
CARGO_TARGET_DIR ?= target
export CARGO_TARGET_DIR

.PHONY: help run test web build check features generate bench-registry bench-audit bench-policy bench-keys bench-decision deny sbom

help: ## List the targets.
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 18

run: ## Build and run Banyan with the real sample data; prints the address and the accounts.
	@scripts/run.sh

test: ## Set up and pass everything: format, lints, tests on both databases, packages, features, web, browser.
	@scripts/test.sh

web: ## Build the desk.
	@scripts/web.sh

build: web ## The release binary, with the desk inside.
	cargo build --release -p banyan

check: ## Format and lints only.
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings

features: ## Run the acceptance features of all packages, step by step.
	cargo run -q -p banyan -- features $(patsubst %/package.toml,%,$(wildcard apps/*/package.toml))

generate: ## Regenerate the committed generated files (configuration reference, schemas, steps of features).
	cargo run -q -p banyan -- config reference > docs/configuration.md
	cargo run -q -p banyan -- config default > docs/banyan.default.toml
	cargo run -q -p banyan -- schemas --to docs/schemas
	cargo run -q -p banyan -- features --steps > docs/features.md
	BANYAN_GENERATE=1 cargo test -q -p banyan-process the_list_of_rules_is_fresh

deny: ## Licences, sources and doubles of the dependencies (cargo-deny); advisories where BANYAN_ADVISORY_DB is set.
	@scripts/deny.sh

sbom: ## The list of all parts of the product (CycloneDX) into target/sbom.cdx.json, checked against its schema.
	@test -x .venv/bin/python || { echo "make sbom needs .venv: run scripts/setup-tests.sh" >&2; exit 1; }
	@.venv/bin/python scripts/sbom.py

bench-registry: ## Registry at 10 k and 1 M records, beside pygeoapi and tipg.
	@scripts/bench-registry.sh

bench-audit: ## Durable entries of the audit log a second, and what the log adds to writes and lists.
	cargo run --release -p banyan-identity --example audit_bench
	cargo run --release -p banyan --example trail_bench

bench-process: ## Process instances a CPU-second on durable state: empty, and beside 1 M finished and 100 k running ones.
	cargo run --release -p banyan-process --example process_bench
	cargo run --release -p banyan-process --example process_bench -- 1000000 100000

bench-inbox: ## A page of the inbox and a search in it, with 10 M tasks and 100 readers.
	cargo run --release -p banyan-process --example inbox_bench -- 9000000 1000000 100

bench-policy: ## What row conditions and masks cost a list over a million records.
	cargo run --release -p banyan --example policy_bench

bench-keys: ## Texts sealed and opened a second, in both suites.
	cargo run --release -p banyan-identity --example keys_bench

bench-decision: ## Decisions a second, one by one and over columns, beside openfisca-core.
	@scripts/bench-decision.sh
