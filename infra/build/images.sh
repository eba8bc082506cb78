#!/bin/bash
# Second step of cloudbuild.yaml: build and push every image, and note the digests for
# the gate. Tags are for people; nothing is deployed by one.
set -euo pipefail
: "${COMMIT_SHA:?}" "${_REPOSITORY:?}" "${_BASE_IMAGE:?set it to image@sha256:digest}" "${RELEASE:=/workspace/.release}"
case $_BASE_IMAGE in *@sha256:*) ;; *) echo "_BASE_IMAGE must name a digest" >&2; exit 2 ;; esac

export KO_DOCKER_REPO=$_REPOSITORY KO_CONFIG_PATH=infra/images/.ko.yaml KO_DEFAULTBASEIMAGE=$_BASE_IMAGE COMMIT_SHA
mkdir -p .cache/bin
(cd infra/images && GOWORK=off go build -o ../../.cache/bin/ko github.com/google/ko)
.cache/bin/ko build --base-import-paths --tags "${COMMIT_SHA:0:12}" --image-refs "$RELEASE/images" ${KO_FLAGS:-} \
	./services/events ./services/actions ./services/realtime ./jobs/migrate ./jobs/rollout ./jobs/sweep > /dev/null
cat "$RELEASE/images"
