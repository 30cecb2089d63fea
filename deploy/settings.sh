#!/bin/sh
# Makes deploy/settings for compose.yaml: a file for each service, with fresh passwords of the databases and the bucket.
# What is yours to fill in afterwards still says "example". As root, so that each file is its service's alone:
#
#   sudo deploy/settings.sh https://covers.bookstore.example     (where shoppers will see the covers)
set -eu
umask 077

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
covers=${1:-}
folder=${2:-$here}
give_up() { printf '%s\n' "$*" >&2; exit 2; }
[ -n "$covers" ] || give_up "Name the address where shoppers will see the covers: deploy/settings.sh https://covers.bookstore.example"
case $covers in
    *[!A-Za-z0-9._~:/-]*) give_up "$covers is no address of covers: letters, digits and . _ ~ : / - alone." ;;
    *://*://*) give_up "$covers is no address: it has two beginnings." ;;
    *.example | *.example[:/]*) give_up "$covers is the example's: name your own, where shoppers will see the covers." ;;
    http://?* | https://?*) ;;
    *) give_up "$covers is no address: it begins with https://." ;;
esac
[ ! -e "$folder/settings" ] || give_up "$folder/settings is there already: nothing was changed."
[ "$(id -u)" = 0 ] || give_up "Only root can give each file to its service alone: sudo $0 $covers"

secret() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }
at() { printf 'postgresql://%s:%s@postgres:5432/%s' "$1" "$2" "$3"; }
# Writes an example with some of its lines anew: NAME=value takes the place of NAME=…, -NAME takes the line out.
fill() {
    from=$here/../$1.example
    shift
    script=
    for given; do
        case $given in
            -*) script="$script;/^${given#-}=/d" ;;
            *) script="$script;s|^${given%%=*}=.*|$given|" ;;
        esac
    done
    sed "${script#;}" "$from"
}

superuser=$(secret) dagster=$(secret) at_work=$(secret) owner=$(secret) writer=$(secret) reader=$(secret) storefront=$(secret)
key=$(secret) key_secret=$(secret)
mkdir "$folder/settings"
cd "$folder/settings"

{
    fill .env "DAGSTER_PG_URL=$(at dagster_at_work "$at_work" dagster)" -INGRAM_STATE_DIR -INGRAM_PORT_UI -INGRAM_PORT_DESK -QUEUE_OWNER_DB_URL
    printf '\n# Where people open Dagster'"'"'s page, for the links of alerts: through the desk (DESK_URL of .env.storefront).\n'
    printf 'INGRAM_UI_URL=http://127.0.0.1:3001/dagster\n'
} | sed '/^# `ingram queue migrate` and `ingram up`/d; /^# Sessions, locks, logs/d; /^# Ports of/d; /^# The desk, where/d' > .env
{
    fill .env.scraper "QUEUE_DB_URL=$(at ingram_queue_writer "$writer" catalog_import)" R2_ENDPOINT=http://s3:9000 \
        "R2_ACCESS_KEY_ID=$key" "R2_SECRET_ACCESS_KEY=$key_secret" R2_BUCKET_NAME=covers "R2_PUBLIC_URL=$covers"
    printf '\n# http://s3:9000 is on a network of this machine. With R2 take this line out.\nALLOW_PLAIN_HTTP=true\n'
} > .env.scraper
fill .env.storefront "QUEUE_DB_URL=$(at ingram_queue_reader "$reader" catalog_import)" \
    "STOREFRONT_DB_URL=$(at storefront "$storefront" storefront)" > .env.storefront
fill .env.operations > .env.operations
cat > .env.owner <<END
# Of the migrations alone, which end before anything else begins.
QUEUE_OWNER_DB_URL=$(at queue_owner "$owner" catalog_import)
DAGSTER_PG_URL=$(at dagster "$dagster" dagster)
R2_PUBLIC_URL=$covers
END
printf '"%s,%s"' "$key" "$key_secret" > s3-key
printf '%s' "$superuser" > postgres-password
cat > roles.sql <<END
CREATE ROLE dagster LOGIN PASSWORD '$dagster';
CREATE ROLE dagster_at_work LOGIN PASSWORD '$at_work';
CREATE ROLE storefront LOGIN PASSWORD '$storefront';
CREATE ROLE queue_owner LOGIN CREATEROLE PASSWORD '$owner';
CREATE DATABASE dagster OWNER dagster;
CREATE DATABASE storefront OWNER storefront;
CREATE DATABASE catalog_import OWNER queue_owner;
REVOKE ALL ON DATABASE dagster, storefront, catalog_import, postgres, template1 FROM PUBLIC;
GRANT CONNECT ON DATABASE dagster TO dagster_at_work;
SET ROLE queue_owner;
CREATE ROLE ingram_queue_writer LOGIN PASSWORD '$writer';
CREATE ROLE ingram_queue_reader LOGIN PASSWORD '$reader';
GRANT CONNECT ON DATABASE catalog_import TO ingram_queue_writer, ingram_queue_reader;
\\connect dagster
ALTER DEFAULT PRIVILEGES FOR ROLE dagster GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO dagster_at_work;
ALTER DEFAULT PRIVILEGES FOR ROLE dagster GRANT USAGE, SELECT ON SEQUENCES TO dagster_at_work;
END
# The users of the images: ours, and that of PostgreSQL's.
chown 10001:10001 .env .env.* s3-key
chown 999:999 postgres-password roles.sql
chmod 711 .
install -d -o 10001 -g 10001 -m 755 ../bucket files
install -d -o 10001 -g 10001 -m 700 ../backups
printf 'Made %s. Now fill in .env.scraper, .env.storefront and .env.operations there, where they say "example".\n' "$PWD"
