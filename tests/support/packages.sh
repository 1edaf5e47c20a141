# Which of Debian's packages the project needs, and the one function that installs those that are missing.
# Read with `.` by tests/run and examples/quickstart/run; docs/dependencies.md says what each is for.
# shellcheck shell=bash disable=SC2034

packages_build=(gcc libc6-dev cmake ninja-build pkg-config liblua5.4-dev libmicrohttpd-dev libcjson-dev libsodium-dev
  libcurl4-openssl-dev libsqlite3-dev libmimalloc-dev ca-certificates tzdata)
packages_quickstart=(curl openssl)
packages_test=(g++ libcmocka-dev lua5.4 lua-busted lua-check lua-socket lua-dkjson lua-filesystem clang-format curl openssl
  sqlite3 rapidjson-dev wrk)
packages_bench=(nginx-light libnginx-mod-http-lua lua-cjson webhook)
# Debian's npm cannot be installed beside other vendors' nodejs, which bring their own.
if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
  packages_bench+=(nodejs npm)
fi

# packages_install WHAT-FOR PACKAGE...: nothing is asked, and nothing is fetched when nothing is missing.
packages_install() {
  local purpose=$1 package missing=() as_root=()
  shift
  if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    echo "This is neither Debian nor Ubuntu: install by hand what docs/dependencies.md lists. Going on." >&2
    return 0
  fi
  for package in "$@"; do
    if ! dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed; then
      missing+=("$package")
    fi
  done
  if ((${#missing[@]} == 0)); then
    return 0
  fi
  echo "Installing from the distribution's packages, $purpose: ${missing[*]}"
  if ((EUID != 0)); then
    if ! command -v sudo >/dev/null; then
      echo "That needs root, and there is no sudo here. As root: apt-get install ${missing[*]}" >&2
      return 1
    fi
    as_root=(sudo)
  fi
  packages_update "${as_root[@]}" || return 1
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}"
}

# Mirrors are updated while one reads them: a list that does not fit is fetched once more.
packages_update() {
  local try
  for try in 1 2; do
    if "$@" env DEBIAN_FRONTEND=noninteractive apt-get update -q; then
      return 0
    fi
    echo "apt-get update failed (try $try of 2)" >&2
  done
  return 1
}
