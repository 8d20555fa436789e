# Run once by the image of PostgreSQL, when the volume is new: the service gets a role of its own that owns its database and nothing else.
psql -v ON_ERROR_STOP=1 -v password="$DATABASE_PASSWORD" -U "$POSTGRES_USER" -d postgres <<'SQL'
CREATE ROLE emoscope LOGIN PASSWORD :'password';
CREATE DATABASE emoscope OWNER emoscope;
REVOKE ALL ON DATABASE emoscope FROM PUBLIC;
SQL
