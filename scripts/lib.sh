# Shared by the scripts of this folder: messages, root, the unprivileged user.
# shellcheck shell=bash

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export top

say() { printf '\n== %s\n' "$*" >&2; }

die() {
  printf '%s: %s\n' "$(basename "$0")" "$*" >&2
  exit 1
}

is_root() { [ "$(id -u)" = 0 ]; }

# as_root COMMAND…: directly, or through sudo.
as_root() {
  if is_root; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    die "this needs root, and there is no sudo: run as root: $*"
  fi
}

# as_user USER COMMAND…: with a clean environment apart from proxies, in the user's home.
as_user() {
  local user=$1 home name
  shift
  home=$(getent passwd "$user" | cut -d: -f6)
  local env=("HOME=$home" "USER=$user" "LOGNAME=$user" "LANG=C.UTF-8" "SHELL=/bin/bash"
    "PATH=/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin")
  for name in http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY TERM; do
    [ -z "${!name:-}" ] || env+=("$name=${!name}")
  done
  (cd "$home" && exec setpriv --reuid "$user" --regid "$(id -g "$user")" --init-groups \
    env -i "${env[@]}" "$@")
}

# The first free block of 65536 ids in $1 (/etc/subuid, /etc/subgid).
free_range() {
  awk -F: 'BEGIN { top = 100000 } $2 + $3 > top { top = $2 + $3 } END { print top }' "$1"
}

# ensure_user USER: an unprivileged user with a home and subordinate ids, made once. Root only.
ensure_user() {
  local user=$1 file start
  id "$user" >/dev/null 2>&1 || useradd --create-home --shell /bin/bash "$user"
  for file in /etc/subuid /etc/subgid; do
    touch "$file"
    if ! grep -q "^$user:" "$file"; then
      start=$(free_range "$file")
      echo "$user:$start:65536" >>"$file"
    fi
  done
}

# Devices that a usual Debian gives to everyone, and some minimal machines to root alone.
ensure_devices() {
  local device
  for device in /dev/net/tun /dev/fuse; do
    [ ! -c "$device" ] || chmod a+rw "$device"
  done
}

# Compiles through ccache where it is installed.
launcher_options() {
  if command -v ccache >/dev/null; then
    echo -DCMAKE_C_COMPILER_LAUNCHER=ccache -DCMAKE_CXX_COMPILER_LAUNCHER=ccache
  fi
}
