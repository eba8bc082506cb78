#!/usr/bin/env bash
# Installs what the tests need and this machine lacks: PostgreSQL's server
# binaries, redis-server, PgBouncer, Prometheus (for promtool) and a browser by the system's package
# manager, and the npm packages of the folders given as arguments by `npm ci`.
set -euo pipefail
cd "$(dirname "$0")/../.."

as_root() {
	if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

missing=()
compgen -G '/usr/lib/postgresql/*/bin/postgres' >/dev/null || command -v postgres >/dev/null || missing+=(postgresql)
command -v redis-server >/dev/null || missing+=(redis-server)
command -v chromium >/dev/null || missing+=(chromium)
[ -x /usr/sbin/pgbouncer ] || command -v pgbouncer >/dev/null || missing+=(pgbouncer)
command -v promtool >/dev/null || missing+=(prometheus)
if [ ${#missing[@]} -gt 0 ]; then
	echo "prepare: installing ${missing[*]}"
	if ! command -v apt-get >/dev/null; then
		echo "prepare: no apt-get here; install ${missing[*]} with your package manager and try again" >&2
		exit 1
	fi
	export DEBIAN_FRONTEND=noninteractive
	as_root apt-get update -q >/dev/null
	# The tests start servers of their own on random ports: none is to be started here.
	as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -q --no-install-recommends "${missing[@]}" >/dev/null
fi

for folder in "$@"; do
	stamp=$folder/node_modules/.installed
	if [ ! -f "$stamp" ] || [ "$folder/package-lock.json" -nt "$stamp" ]; then
		echo "prepare: npm ci in $folder"
		(cd "$folder" && npm ci --no-audit --no-fund --loglevel=error)
		touch "$stamp"
	fi
done
