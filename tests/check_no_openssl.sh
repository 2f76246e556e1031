#!/bin/sh
# check_no_openssl.sh BINARY: fails if the program would load OpenSSL beside BoringSSL. Both export
# the same unversioned names, so a process with both crashes.
set -eu
if [ $# -ne 1 ] || [ ! -x "$1" ]; then
  echo "usage: $0 BINARY" >&2
  exit 2
fi
libraries=$(ldd "$1") || {
  echo "$0: ldd cannot read $1" >&2
  exit 2
}
# OpenSSL's sonames are libssl.so.3, libssl.so.1.1, …; Debian's BoringSSL has libssl.so.0.
if found=$(printf '%s\n' "$libraries" | grep -E '^[[:space:]]*lib(ssl|crypto)\.so\.[1-9]'); then
  printf '%s loads OpenSSL:\n%s\n' "$1" "$found" >&2
  exit 1
fi
if missing=$(printf '%s\n' "$libraries" | grep 'not found'); then
  printf '%s misses libraries:\n%s\n' "$1" "$missing" >&2
  exit 1
fi
