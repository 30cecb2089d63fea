#!/bin/sh
# Types a command as a service of deploy/systemd has it: as its user, with its settings and no other's. As root:
#
#   deploy/as-service.sh storefront status
#   deploy/as-service.sh scraper doctor
set -eu

give_up() { printf '%s\n' "$*" >&2; exit 2; }
[ $# -gt 1 ] || give_up "Name a service and a command: deploy/as-service.sh storefront status"
[ "$(id -u)" = 0 ] || give_up "Only root can become another user: sudo $0 $*"
name=$1
unit=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)/systemd/ingram-$name.service
[ -e "$unit" ] || give_up "$name is no service: there is no $unit."
shift

# A command that is given to systemd-run knows the folder of its settings by its environment alone.
script='INGRAM_ENV_DIR=$CREDENTIALS_DIRECTORY exec /opt/ingram/.venv/bin/ingram "$@"'
set -- sh -c "$script" ingram "$@"
# The unit's own lines say whose settings they are, and where its state is.
while read -r line; do
    case $line in
        LoadCredential=* | StateDirectory=* | StateDirectoryMode=* | BindPaths=*) set -- -p "$line" "$@" ;;
        Environment=*) set -- "--setenv=INGRAM_STATE_DIR=${line##*INGRAM_STATE_DIR=}" "$@" ;;
    esac
done < "$unit"
exec systemd-run --quiet --wait --collect --pipe --pty "--uid=ingram-$name" -p PrivateTmp=true -p UMask=0077 "$@"
