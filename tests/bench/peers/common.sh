# Sourced by every peer's script, which writes its configuration into a folder of its own and becomes the
# proxy, in the foreground. Nothing touches /etc; everything listens on 127.0.0.1.
set -eu
: "${RUN:?}" "${CERT:?}" "${KEY:?}" "${BOTH:?}" "${UP_HOST:?}" "${UP_PORT:?}" "${AUTH_HTTP:?}"
: "${TLS_PORT:?}" "${STLS_PORT:?}" "${PROXY_CPU:?}" "${WORKERS:?}"
ulimit -n "$(ulimit -Hn)"
PIN="taskset -c $PROXY_CPU"
D=$RUN/peer-$(basename "$0")
rm -rf "$D"
mkdir -p "$D"
chmod 755 "$D"
