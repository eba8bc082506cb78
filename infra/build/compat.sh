#!/bin/bash
# The tests of the last release, on the schema of this commit: its code is still running
# when this commit's migrations are applied.
set -euo pipefail
tag=$(git describe --tags --abbrev=0 --match 'v[0-9]*' 2>/dev/null || true)
if [ -z "$tag" ]; then
	echo "compat: no release is tagged yet; its recorded statements are tried by make test"
	exit 0
fi
old=$(mktemp -d)
trap 'git worktree remove --force "$old"' EXIT
git worktree add --quiet --detach "$old" "$tag"
rm -r "$old/migrations"
cp -r migrations "$old/migrations"
echo "compat: the tests of $tag on this commit's migrations"
cd "$old"
go build -o .run/bin/testservers ./infra/dev/cmd/testservers
.run/bin/testservers go test -count=1 ./services/actions/... ./services/events/... ./jobs/sweep/... ./shared/ledger/... ./shared/outbox/...
