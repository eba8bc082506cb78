#!/bin/bash
# First step of cloudbuild.yaml: what must pass before anything is built.
set -euo pipefail
: "${_TEST:?what to run}" "${RELEASE:=/workspace/.release}"
mkdir -p "$RELEASE"
# Of two builds the gate prefers the one that began later.
date -u +%Y-%m-%dT%H:%M:%SZ > "$RELEASE/created"
bash -c "$_TEST"
