# Run once by PostgreSQL's image for a new volume: creates a role for the service that owns only its database.
psql -v ON_ERROR_STOP=1 -v password="$DATABASE_PASSWORD" -U "$POSTGRES_USER" -d postgres <<'SQL'
CREATE ROLE emoscope LOGIN PASSWORD :'password';
CREATE DATABASE emoscope OWNER emoscope;
REVOKE ALL ON DATABASE emoscope FROM PUBLIC;
SQL
