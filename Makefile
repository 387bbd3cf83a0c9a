# `make test` is everything that must hold before a change goes in. It needs Go, git and make; what else the tests want it
# installs when it runs as root, and names when it does not.

TOOL := go tool -modfile=tools.mod
FUZZTIME ?= 20s

.PHONY: build test needs lint unit race fuzz bench

build:
	go build -o tenon ./cmd/tenon

test: needs lint unit race
	@echo "all checks passed"

PEERS := cmd/tenon/internal/interop/testdata/peers

# A C compiler for the race detector, curl for the scripts that call an API as its users do, node for other people's clients,
# and a browser for the pages.
needs:
	@missing=""; \
	command -v gcc >/dev/null || missing="$$missing gcc libc6-dev"; \
	command -v curl >/dev/null || missing="$$missing curl"; \
	command -v npm >/dev/null || missing="$$missing nodejs npm"; \
	command -v chromium >/dev/null || missing="$$missing chromium fonts-dejavu-core"; \
	if [ -n "$$missing" ] && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "installing:$$missing"; \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $$missing >/dev/null; \
	elif [ -n "$$missing" ]; then \
		echo "missing:$$missing (as root: apt-get install$$missing)"; exit 1; \
	fi
	@test $(PEERS)/node_modules/.package-lock.json -nt $(PEERS)/package-lock.json || { echo "installing the packages of $(PEERS)"; npm ci --prefix $(PEERS) --silent; }

# Examples without output are compiled and never run, so deadcode does not count them.
lint:
	@test -z "$$($(TOOL) gofumpt -l .)" || { echo "not formatted (go tool -modfile=tools.mod gofumpt -w .):"; $(TOOL) gofumpt -l .; exit 1; }
	go vet ./...
	go fix -diff ./...
	$(TOOL) staticcheck ./...
	@dead="$$($(TOOL) deadcode -test ./... | grep -v 'example_test.go' || true)"; test -z "$$dead" || { echo "never called:"; echo "$$dead"; exit 1; }

# Unit tests, fuzz seeds and whole-binary scripts, with the long ones: a hundred kills, ten million proofs.
unit:
	TENON_LONG=1 go test -shuffle=on -timeout 15m ./...

race:
	go test -race -shuffle=on -timeout 15m ./...

# Every fuzz target for FUZZTIME each.
fuzz:
	@for package in $$(go list ./...); do \
		for target in $$(go test -list '^Fuzz' $$package | grep '^Fuzz'); do \
			echo "$$package $$target"; \
			go test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) $$package || exit 1; \
		done; \
	done

# Figures against their raw cost, for benchstat.
bench:
	go test -run '^$$' -bench . -benchmem ./...
