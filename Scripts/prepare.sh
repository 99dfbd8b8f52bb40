# What Scripts/run and Scripts/test share: a machine that can build, and the build. To be sourced.
# All of it speaks on stderr, since stdout belongs to the results.

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
shop="$root/Scripts/shop"
moonstore="$root/.build/release/moonstore" # as build_release leaves it

say() { printf '%s\n' "$*" >&2; }

fail() {
  say "error: $*"
  exit 1
}

# Runs a command whose output only matters if it fails.
quietly() {
  local output status=0
  output="$("$@" 2>&1)" || status=$?
  if ((status != 0)); then
    say "$output"
    say "error: this command failed with status $status: $*"
  fi
  return "$status"
}

as_root() {
  if [[ "$(id -u)" == 0 ]]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    fail "this needs root, and there is no sudo here; as root, run: $*"
  fi
}

lua_is_there() {
  command -v pkg-config >/dev/null && pkg-config --exists lua5.4
}

# macOS has libedit; elsewhere its headers are a package.
libedit_is_there() {
  [[ "$(uname)" == Darwin ]] || { command -v pkg-config >/dev/null && pkg-config --exists libedit; }
}

install_libedit() {
  command -v apt-get >/dev/null || fail "libedit for developers is missing, and there is no apt-get here to" \
    "install it: install its headers and its library, so that 'pkg-config --exists libedit' holds"
  say "Installing libedit-dev (apt-get) ..."
  quietly as_root apt-get update || say "Going on with the package lists as they are ..."
  quietly as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get install --yes --no-install-recommends libedit-dev pkg-config
}

install_lua() {
  if command -v apt-get >/dev/null; then
    say "Installing liblua5.4-dev and pkg-config (apt-get) ..."
    quietly as_root apt-get update || say "Going on with the package lists as they are ..."
    quietly as_root env DEBIAN_FRONTEND=noninteractive \
      apt-get install --yes --no-install-recommends liblua5.4-dev pkg-config
  elif command -v brew >/dev/null; then
    # The keg is not linked, so pkg-config must be told where it is: see find_keg.
    say "Installing lua@5.4 and pkgconf (brew) ..."
    quietly brew install lua@5.4
    command -v pkg-config >/dev/null || quietly brew install pkgconf
    find_keg
  else
    fail "Lua 5.4 for developers is missing, and there is neither apt-get nor brew to install it:" \
      "install its headers, its library and pkg-config, so that 'pkg-config --exists lua5.4' holds"
  fi
}

find_keg() {
  local keg
  if command -v brew >/dev/null && keg="$(brew --prefix lua@5.4 2>/dev/null)"; then
    export PKG_CONFIG_PATH="$keg/lib/pkgconfig${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}"
  fi
}

# Installs what is missing, and says what it cannot install.
prepare() {
  if ! command -v swift >/dev/null; then
    fail "there is no swift here. Install Swift 6.3 from https://www.swift.org/install" \
      "(on Linux and macOS its installer is 'swiftly'), put it on the PATH, and try again"
  fi
  find_keg
  lua_is_there || install_lua
  lua_is_there || fail "Lua 5.4 was installed, but 'pkg-config --exists lua5.4' still fails"
  libedit_is_there || install_libedit
  libedit_is_there || fail "libedit was installed, but 'pkg-config --exists libedit' still fails"
}

# Builds what a first run needs: the command without its HTTP client, which takes most of the time of a full build.
# In a folder of its own, since the two kinds would build each other away; a full release that is there is used.
build_first_run() {
  local argument
  for argument in "$@"; do
    [[ "$argument" != --allow-http* ]] || { build_release; return; }
  done
  if [[ -x "$moonstore" ]]; then
    build_release
    return
  fi
  local scratch="$root/.build/first-run"
  moonstore="$scratch/release/moonstore"
  say "Building moonstore (release, without its HTTP client) ..."
  quietly swift build --package-path "$root" --scratch-path "$scratch" --disable-default-traits \
    -c release --product moonstore
}

build_release() {
  say "Building moonstore (release) ..."
  quietly swift build --package-path "$root" -c release --product moonstore
}
