#!/bin/bash
# Last step of cloudbuild.yaml: hand the digests of this build to the gate.
set -euo pipefail
: "${PROJECT_ID:?}" "${COMMIT_SHA:?}" "${BUILD_ID:?}" "${_REGION:?}" "${RELEASE:=/workspace/.release}"

# image NAME prints the line of a deployable, without its tag: repository/name@sha256:...
image() { sed -nE "s#^(.*/$1)(:[^@]*)?(@sha256:[0-9a-f]{64})\$#\1\3#p" "$RELEASE/images" | grep .; }

BUILD_CREATED=$(cat "$RELEASE/created")
MIGRATE_IMAGE=$(image migrate)
SERVICE_IMAGES=events=$(image events),actions=$(image actions),realtime=$(image realtime)
export PROJECT_ID REGION=$_REGION COMMIT_SHA BUILD_ID BUILD_CREATED MIGRATE_IMAGE SERVICE_IMAGES
export CANARY_STEPS=${_STEPS:-10,50,100} CANARY_SOAK=${_SOAK:-60s}

go build -o .cache/bin/rollout ./jobs/rollout
.cache/bin/rollout plan
exec .cache/bin/rollout
