# The two commands of a fresh machine are `make run` and `make test`; `make help` lists the rest.
SHELL       := /bin/bash
MODULES     := infra/dev jobs/migrate jobs/rollout jobs/sweep migrations services/actions services/events services/realtime shared
NPM_FOLDERS := services/realtime/testclient infra/dev/page/browsertest
LINT        := .cache/bin/golangci-lint
VEGAS       := .run/bin/vegas
export GOFLAGS ?= -buildvcs=false

.PHONY: help run load test lint tidy bench soak modules prepare compat record rehearse

help: ## list the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

run: ## the whole platform on this machine (PORT, DATABASE_URL, REDIS_URL, PUBSUB_EMULATOR_HOST, RESET=1)
	@echo "building the stack (about a minute the first time)"
	@go build -o $(VEGAS) ./infra/dev/cmd/vegas
	@exec $(VEGAS) up

load: ## drive players against the running stack (ARGS="-players 50 -seconds 20")
	@go build -o $(VEGAS) ./infra/dev/cmd/vegas
	@exec $(VEGAS) load $(ARGS)

test: prepare ## every test, with the race detector, on real PostgreSQL and Redis
	@go build -o .run/bin/testservers ./infra/dev/cmd/testservers
	@.run/bin/testservers go test -race -count=1 -timeout 15m work
	@cd infra/images && GOWORK=off go test -count=1 ./...

bench: prepare ## the figures, each as a ratio against a peer in the same run
	@go run ./infra/dev/cmd/bench $(ARGS)

soak: prepare ## the long forms of the fault and load tests
	@go build -o .run/bin/testservers ./infra/dev/cmd/testservers
	@VEGAS_SOAK=1 .run/bin/testservers go test -race -count=1 -timeout 170m -v ./infra/dev/e2e/... ./infra/dev/faults/... ./services/actions/... ./services/realtime/... ./jobs/...

compat: ## the tests of the last release on this commit's schema
	@bash infra/build/compat.sh

record: prepare ## note what the services say to PostgreSQL, for the schemas of later releases (RELEASE=v1)
	@go run ./infra/dev/cmd/statements $(or $(RELEASE),next) go test -count=1 ./services/actions/... ./services/events/... ./jobs/sweep/... ./shared/ledger/... ./shared/outbox/... ./shared/leaderboard/...

rehearse: ## the steps of cloudbuild.yaml, offline, with good and bad endings
	@go run ./jobs/rollout/cmd/rehearse

lint: $(LINT) modules ## vet, golangci-lint, and each module with and without the workspace
	@go vet work
	@$(LINT) run $$(go list -m -f '{{.Dir}}/...')

modules: ## each module builds by itself, and go.mod files are tidy
	@for m in $(MODULES); do (cd $$m && GOWORK=off go build ./... && GOWORK=off go mod tidy -diff) || { echo "module $$m: build or tidy failed; try make tidy"; exit 1; }; done
	@go build work

tidy: ## go mod tidy everywhere, versions aligned
	@for round in 1 2; do \
		for m in $(MODULES); do (cd $$m && GOWORK=off go mod tidy) || exit 1; done; \
		go work sync || exit 1; \
	done
	@cd infra/tools && GOWORK=off go mod tidy
	@gofmt -l -w $(MODULES)

prepare: ## install what the tests need and this machine lacks
	@infra/dev/prepare.sh $(NPM_FOLDERS)

$(LINT): infra/tools/go.mod
	@echo "building golangci-lint (some minutes the first time)"
	@cd infra/tools && GOWORK=off go build -o ../../$(LINT) github.com/golangci/golangci-lint/v2/cmd/golangci-lint
