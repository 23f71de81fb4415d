//! The log that a twin's clone in PostgreSQL keeps of its changes: `migrate` makes it, the proxy reads it.
//!
//! Everything is in a schema of its own, and a trigger on each table with a primary key adds an entry for each row that
//! changes. It is made in a clone only; in the shared database nothing is ever made.

/// The schema. Nothing else is in it.
pub const SCHEMA: &str = "strangler_twin";

/// The table of entries: `seq`, `tbl`, `key` (of a primary key of one column, else empty) and `mentions` (what is in the
/// columns that hold identifiers, before and after).
pub const TABLE: &str = "strangler_twin.write_log";

/// Makes the log, or what is missing of it since tables were added. About 20,000 entries are kept: every thousandth
/// removes what is older, past whatever another transaction is removing. The log is not written ahead, because it is worth
/// nothing after a crash. Needs PostgreSQL 13 or later and a role that owns the tables.
pub const INSTALL: &str = r"
SET LOCAL client_min_messages = warning;
SET LOCAL lock_timeout = '5s';
CREATE SCHEMA IF NOT EXISTS strangler_twin;
CREATE UNLOGGED TABLE IF NOT EXISTS strangler_twin.write_log (
    seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tbl TEXT NOT NULL,
    key TEXT NOT NULL,
    mentions TEXT[] NOT NULL
);
CREATE OR REPLACE FUNCTION strangler_twin.note() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $note$
DECLARE
    old_row jsonb := CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) END;
    new_row jsonb := CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) END;
    noted bigint;
BEGIN
    INSERT INTO strangler_twin.write_log (tbl, key, mentions)
    VALUES (
        TG_ARGV[0],
        coalesce(coalesce(new_row, old_row) ->> TG_ARGV[1], ''),
        ARRAY(
            SELECT DISTINCT sides.side ->> named.col
            FROM unnest(TG_ARGV[2:]) AS named (col), (VALUES (old_row), (new_row)) AS sides (side)
            WHERE sides.side ->> named.col IS NOT NULL
        )
    )
    RETURNING seq INTO noted;
    IF noted % 1000 = 0 THEN
        DELETE FROM strangler_twin.write_log WHERE seq IN (
            SELECT seq FROM strangler_twin.write_log WHERE seq <= noted - 20000 FOR UPDATE SKIP LOCKED
        );
    END IF;
    RETURN NULL;
END
$note$;
DO $install$
DECLARE
    found record;
    arguments text;
BEGIN
    FOR found IN
        SELECT c.oid::regclass::text AS place, c.relname::text AS name,
            ARRAY(
                SELECT a.attname::text FROM pg_index AS i
                JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
                WHERE i.indrelid = c.oid AND i.indisprimary
            ) AS keys,
            ARRAY(
                SELECT DISTINCT a.attname::text FROM pg_index AS i
                JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND (
                    (a.attnum = i.indkey[0] AND i.indisvalid AND i.indpred IS NULL)
                    OR (i.indisprimary AND a.attnum = ANY (i.indkey))
                )
                WHERE i.indrelid = c.oid
            ) AS named
        FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND pg_table_is_visible(c.oid)
            AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'strangler_twin')
    LOOP
        CONTINUE WHEN cardinality(found.keys) = 0;
        SELECT string_agg(quote_literal(argument), ', ' ORDER BY place) INTO arguments
        FROM unnest(
            ARRAY[found.name, CASE WHEN cardinality(found.keys) = 1 THEN found.keys[1] ELSE '' END] || found.named
        ) WITH ORDINALITY AS listed (argument, place);
        EXECUTE format('DROP TRIGGER IF EXISTS strangler_twin_note ON %s', found.place);
        EXECUTE format(
            'CREATE TRIGGER strangler_twin_note AFTER INSERT OR UPDATE OR DELETE ON %s '
            'FOR EACH ROW EXECUTE FUNCTION strangler_twin.note(%s)',
            found.place, arguments
        );
    END LOOP;
END
$install$;
";

/// Removes the log, and the triggers with it.
pub const REMOVE: &str = "DROP SCHEMA IF EXISTS strangler_twin CASCADE";

/// How many tables note their changes.
pub const WATCHED: &str = "SELECT count(*) FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid \
    WHERE t.tgname = 'strangler_twin_note' AND NOT c.relispartition";
