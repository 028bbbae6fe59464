#!/bin/bash
# Makes the Debian packages of what is built, into build/deb, and prints their checksums: `make deb` calls it. What
# depends on the time, the user, the locale or the folder of a build is not in them.
#   BIN_DIR (build/bin)
set -euo pipefail
cd "$(dirname "$0")/../.."

OUT=build/deb
WORK=$OUT/work
# Of the calling make, and what would change the packages.
unset MAKEFLAGS MAKELEVEL MFLAGS DEB_BUILD_OPTIONS DEB_BUILD_PROFILES SOURCE_DATE_EPOCH
export LC_ALL=C TZ=UTC DEB_RULES_REQUIRES_ROOT=no
TALLY=$PWD
BIN_DIR=$(realpath "${BIN_DIR:-build/bin}")
export TALLY BIN_DIR
umask 022

rm -rf "$OUT"
mkdir -p "$WORK"
cp -r deploy/deb/debian "$WORK"
/usr/bin/python3 deploy/deb/changelog.py >"$WORK/debian/changelog"
(cd "$WORK" && debian/rules binary) >"$OUT/build.log" 2>&1 || {
    tail -n 20 "$OUT/build.log" >&2
    exit 1
}
rm -rf "$WORK"
(cd "$OUT" && sha256sum -- *.deb)
