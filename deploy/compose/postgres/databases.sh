#!/bin/bash
# One database for each service, which only its own user can enter. Runs once, on an empty volume.
set -euo pipefail
for service in identity booking billing consultation_room conclusions notifications gateway ops; do
    password_of="${service^^}_DATABASE_PASSWORD"
    psql --set=ON_ERROR_STOP=1 --quiet --username=postgres --set=service="$service" --set=password="${!password_of}" <<'SQL'
CREATE ROLE :"service" LOGIN PASSWORD :'password';
CREATE DATABASE :"service" OWNER :"service";
REVOKE CONNECT, TEMPORARY ON DATABASE :"service" FROM PUBLIC;
SQL
done
