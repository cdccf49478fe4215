#!/usr/bin/env bash
# What some tests and the bench need beside Python: PgBouncer, Prometheus, Alertmanager, node with the package pg
# (tests/node), and Debian's PostgreSQL: the newest one comes with the Python packages, and CI attacks the gateway in
# front of the older one too. Says what it leaves out; safe to run again.
set -euo pipefail
cd "$(dirname "$0")/.."

left_out=()
packages=()
command -v pgbouncer >/dev/null || [ -x /usr/sbin/pgbouncer ] || packages+=(pgbouncer)
command -v node >/dev/null || packages+=(nodejs)
command -v npm >/dev/null || packages+=(npm)
python3 -c 'import ensurepip, venv' 2>/dev/null || packages+=(python3-venv)
command -v make >/dev/null || packages+=(make)
# promtool and amtool check metrics, rules and routes; tests/dashboards starts both servers on ports of its own.
command -v promtool >/dev/null || packages+=(prometheus)
command -v amtool >/dev/null || packages+=(prometheus-alertmanager)
compgen -G '/usr/lib/postgresql/*/bin/postgres' >/dev/null || packages+=(postgresql)

if [ ${#packages[@]} -gt 0 ]; then
  if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
    # Debian starts a service as soon as it is installed; these tests start their own.
    policy=/usr/sbin/policy-rc.d
    if [ ! -e "$policy" ]; then
      printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod +x "$policy"
      trap 'rm -f "$policy"' EXIT
    fi
    export DEBIAN_FRONTEND=noninteractive
    apt-get -qq update
    apt-get -qq install -y --no-install-recommends "${packages[@]}" >/dev/null
    echo "installed: ${packages[*]}"
  else
    left_out+=("${packages[*]} (needs apt-get and root)")
  fi
fi

if command -v npm >/dev/null; then
  mkdir -p var/node
  if ! cmp -s tests/node/package-lock.json var/node/.installed; then
    cp tests/node/package.json tests/node/package-lock.json tests/node/.npmrc var/node/
    (cd var/node && npm ci --silent --ignore-scripts)
    cp tests/node/package-lock.json var/node/.installed
    echo "installed: node's pg, in var/node"
  fi
else
  left_out+=("node's pg (needs npm)")
fi

for what in ${left_out[@]+"${left_out[@]}"}; do
  echo "left out: $what; the tests that need it are skipped" >&2
done
