# Every command of the repository. GYRE_HOME, GYRE_PORT_BASE and MODEL work as environment
# variables and as arguments: make up MODEL=reference GYRE_PORT_BASE=9000
SHELL := bash
.DEFAULT_GOAL := help
GYRE_HOME ?= $(CURDIR)/var
GYRE_PORT_BASE ?= 8000
export GYRE_HOME GYRE_PORT_BASE
PYTHON := .venv/bin/python
LOCAL := $(PYTHON) -m gyre_local
# What looks at a stack, or ends it, takes what is installed: it works offline, and changes nothing that runs.
INSTALLED := $(if $(wildcard .venv/gyre-setup),,setup)

.PHONY: help setup up down kafka status logs test faults mutations demo demo-worse bench-serving bench-startup bench-seeds bench-training bench-events bench-recovery driftbench lint contracts release-contracts proto reference-model reference-figures gemma-starter clean

help: ## List the commands
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 18

setup: ## Install what is missing into .venv
	@deploy/local/setup.sh

up: setup ## Start Kafka and every service; return when all are ready
	@$(LOCAL) up

down: $(INSTALLED) ## End this stack, and only this; data stays
	@$(LOCAL) down

kafka: setup ## Start only Kafka, with every topic
	@$(LOCAL) kafka

status: $(INSTALLED) ## Say what runs
	@$(LOCAL) status

logs: $(INSTALLED) ## Follow the logs, of one with SERVICE=inference
	@$(LOCAL) logs

test: setup ## Unit tests, then every test across services on a stack of its own
	@deploy/local/test.sh

faults: setup ## Faults on a stack of its own, judged by what was recorded; TIER=smoke|gate|soak, ONLY=R4, SEED=0, RESULTS=folder
	@deploy/local/faults.sh --tier $(or $(TIER),smoke) --seed $(or $(SEED),0) $(if $(ONLY),--only $(ONLY))

mutations: setup ## Turn each protection off in turn: the tests have to notice
	@.venv/bin/python -m tests.faults.mutations $(or $(RESULTS),$(or $(GYRE_HOME),var)/results/faults) $(if $(ONLY),--only $(ONLY))

demo: setup ## Play one whole loop on a stack of its own; SEED=1
	@deploy/demo/demo.sh

demo-worse: setup ## The same with nonsense for corrections: the gate has to stop it
	@deploy/demo/demo.sh --shuffled

bench-serving: setup ## Bare vLLM, inference and gateway (up to 90 minutes); MODEL, REQUESTS, FRESH=1
	@deploy/bench/bench.sh serving

bench-startup: setup ## From start to ready, beside vllm serve; MODEL, RUNS=3
	@deploy/bench/bench.sh startup

bench-seeds: setup ## How often a seed gives the same answer, alone and among others; MODEL, REQUESTS=200
	@deploy/bench/bench.sh seeds

bench-training: setup ## The worker's training, beside a plain peft loop; MODEL, RUNS=3, STEPS=10
	@deploy/bench/bench.sh training

bench-events: setup ## Events through feedback and drift, beside a bare loop; EVENTS=100000, FRESH=1
	@deploy/bench/bench.sh events

bench-recovery: setup ## What LoRA wins back after a shift, seed by seed; SEEDS=3, FIRST=0
	@.venv/bin/python -m gyre_models.recovery $(or $(GYRE_HOME),var)/results/bench-recovery.jsonl --first $(or $(FIRST),0) --seeds $(or $(SEEDS),3)

driftbench: setup ## Drift detectors on streams of questions: QUICK=1 (default, 5 minutes) or FULL=1 (hours, resumed; JOBS=2 at a time); RESULTS=folder
	@deploy/driftbench/driftbench.sh

lint: setup ## Style, types, import rules, protos
	@deploy/local/lint.sh

contracts: setup ## Write schemas and AsyncAPI from the events
	@$(PYTHON) -m tests.contracts.generate

release-contracts: setup ## Freeze contracts/released: what later versions must not break
	@PATH=$$PWD/.venv/bin:$$PATH $(PYTHON) -m tests.contracts.release

proto: setup ## Write libs/rpc from proto
	@deploy/local/proto.sh

reference-model: setup ## Train the small model that tests use (hours)
	@models/train-reference.sh

reference-figures: setup ## Measure the small model on held-out questions (minutes)
	@OMP_NUM_THREADS=1 $(PYTHON) -m gyre_models.evaluate_reference

gemma-starter: setup ## Train the adapter that Gemma is to be served with (hours)
	@models/train-starter.sh

clean: $(INSTALLED) ## Remove this stack's data and what tools left behind
	@$(LOCAL) clean
