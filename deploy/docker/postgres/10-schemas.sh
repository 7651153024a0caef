#!/bin/sh
# One role and one schema per service: a role's tables go to the schema that has its name.
set -eu
for service in gateway ingestion retrieval inference evaluation feedback drift finetune registry; do
    psql -v ON_ERROR_STOP=1 -v service="$service" -v password="$SERVICE_PASSWORD" \
        --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<'SQL'
CREATE ROLE :"service" LOGIN PASSWORD :'password';
CREATE SCHEMA :"service" AUTHORIZATION :"service";
SQL
done
