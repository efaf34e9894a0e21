#!/bin/sh
# The database URL holds a password, so it comes as a file and becomes a setting only here: no image, compose file or
# `docker inspect` shows it. The nkey seed is read from its file by the service itself.
set -eu
if [ -r /run/secrets/mongo_url ]; then
    NUANLIU_MONGO_URL=$(cat /run/secrets/mongo_url)
    export NUANLIU_MONGO_URL
fi
exec "$@"
