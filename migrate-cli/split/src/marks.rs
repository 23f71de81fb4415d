//! What a move makes in the two databases: the statements, for either kind. Pure.
//!
//! Everything is named `strangler_split_…`. A trigger on each table notes which rows change, by their keys, once each, in the
//! outbox; another one, the fence, refuses every write but the mover's.

use service::store::split::{REFUSAL, STATE};
use service::tables::{Cell, Engine, Table};

/// The table of the keys of changed rows. A row that changes again gets a new number.
pub const OUTBOX: &str = "strangler_split_outbox";

/// The table of how far each table is copied.
pub const PROGRESS: &str = "strangler_split_progress";

/// The table of how far each table is verified.
pub const VERIFIED: &str = "strangler_split_verified";

/// What the fence says.
const REFUSED: &str =
    "this database takes no writes of these tables; strangler_split_state says which one does";

/// The events that a trigger of SQLite is for one of.
const EVENTS: [&str; 3] = ["insert", "update", "delete"];

/// Says the statements for one database.
#[derive(Debug, Clone)]
pub struct Marks {
    engine: Engine,
    /// The schema that the tables are in, quoted, and a dot; nothing for a file.
    schema: String,
}

impl Marks {
    /// For a file.
    pub const fn in_file() -> Self {
        Self { engine: Engine::Sqlite, schema: String::new() }
    }

    /// For a server, in the schema of this name.
    pub fn on_server(schema: &str) -> Self {
        let schema = format!("\"{}\".", schema.replace('"', "\"\""));
        Self { engine: Engine::Postgres, schema }
    }

    /// Makes the table that says which database is in force.
    pub fn make_state(&self) -> Vec<String> {
        let make = format!(
            "CREATE TABLE IF NOT EXISTS {STATE} (id INTEGER PRIMARY KEY CHECK (id = 1), split VARCHAR NOT NULL, \
             role VARCHAR NOT NULL, phase VARCHAR NOT NULL, other VARCHAR NOT NULL, since VARCHAR NOT NULL, \
             passing INTEGER NOT NULL)"
        );
        // Whoever serves from here has to know.
        let show = format!("GRANT SELECT ON {STATE} TO PUBLIC");
        if self.is_server() { vec![make, show] } else { vec![make] }
    }

    /// Makes the outbox.
    pub fn make_outbox(&self) -> String {
        // Numbers are never used again: a change that comes while an entry is carried out has another one. The keys of a file keep
        // the type that they have.
        let (number, key) = match self.engine {
            Engine::Sqlite => ("INTEGER PRIMARY KEY AUTOINCREMENT", ""),
            Engine::Postgres => ("BIGSERIAL PRIMARY KEY", " TEXT"),
        };
        format!(
            "CREATE TABLE IF NOT EXISTS {OUTBOX} (seq {number}, tbl VARCHAR NOT NULL, key_1{key} NOT NULL, \
             key_2{key} NOT NULL, UNIQUE (tbl, key_1, key_2))"
        )
    }

    /// Makes a table note its changes.
    pub fn note(&self, table: &Table) -> Vec<String> {
        if self.is_server() { self.note_on_server(table) } else { note_in_file(table) }
    }

    /// Ends that.
    pub fn note_no_more(&self, table: &Table) -> Vec<String> {
        let name = table.name;
        if self.is_server() {
            return vec![
                format!("DROP TRIGGER IF EXISTS strangler_split_note ON {name}"),
                format!("DROP FUNCTION IF EXISTS {}strangler_split_note_{name}()", self.schema),
            ];
        }
        let drop = |event| format!("DROP TRIGGER IF EXISTS strangler_split_note_{name}_{event}");
        EVENTS.map(drop).to_vec()
    }

    /// What the fences of a server need.
    pub fn prepare_fences(&self) -> Vec<String> {
        if !self.is_server() {
            return Vec::new();
        }
        let schema = &self.schema;
        vec![format!(
            "CREATE OR REPLACE FUNCTION {schema}strangler_split_fence() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER \
             SET search_path = pg_catalog, pg_temp AS $fence$ BEGIN \
             IF (SELECT passing FROM {schema}{STATE}) IS DISTINCT FROM 1 THEN \
             RAISE EXCEPTION '{REFUSAL}{REFUSED}' USING ERRCODE = 'SSP01'; END IF; RETURN NULL; END $fence$"
        )]
    }

    /// Refuses every write of a table but the mover's. On a server nobody who writes in it is still under way then, and readers
    /// are not kept waiting.
    pub fn fence(&self, table: &Table) -> Vec<String> {
        let name = table.name;
        if self.is_server() {
            let make = format!(
                "CREATE TRIGGER strangler_split_fence BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {name} \
                 FOR EACH STATEMENT EXECUTE FUNCTION {}strangler_split_fence()",
                self.schema
            );
            let enable = format!("ALTER TABLE {name} ENABLE TRIGGER strangler_split_fence");
            return vec![if_there("strangler_split_fence", name, &enable, &make)];
        }
        let fence = |event| {
            format!(
                "CREATE TRIGGER IF NOT EXISTS strangler_split_fence_{name}_{event} BEFORE {event} ON {name} \
                 WHEN (SELECT passing FROM {STATE}) IS NOT 1 BEGIN SELECT RAISE(ABORT, '{REFUSAL}{REFUSED}'); END"
            )
        };
        EVENTS.map(fence).to_vec()
    }

    /// Lets everybody write again.
    pub fn lift(&self, table: &Table) -> Vec<String> {
        let name = table.name;
        if self.is_server() {
            // To drop it would keep readers waiting.
            let disable = format!("ALTER TABLE {name} DISABLE TRIGGER strangler_split_fence");
            return vec![if_there("strangler_split_fence", name, &disable, "NULL")];
        }
        EVENTS
            .map(|event| format!("DROP TRIGGER IF EXISTS strangler_split_fence_{name}_{event}"))
            .to_vec()
    }

    /// Takes the fence of a table away for good.
    pub fn remove_fence(&self, table: &Table) -> Vec<String> {
        if self.is_server() {
            return vec![format!("DROP TRIGGER IF EXISTS strangler_split_fence ON {}", table.name)];
        }
        self.lift(table)
    }

    /// Removes what [`Marks::prepare_fences`] made.
    pub fn remove_fences(&self) -> Vec<String> {
        let drop = format!("DROP FUNCTION IF EXISTS {}strangler_split_fence()", self.schema);
        if self.is_server() { vec![drop] } else { Vec::new() }
    }

    /// Takes the references between the tables away, so that rows may come in any order; a file heeds none.
    pub fn unbind(&self, table: &Table) -> Vec<String> {
        let drop = |(name, _, _): (String, &str, &str)| {
            format!("ALTER TABLE {} DROP CONSTRAINT IF EXISTS {name}", table.name)
        };
        self.references(table).map(drop).collect()
    }

    /// Puts them back. Rows that are there are not looked at: the source may not have heeded them.
    pub fn bind(&self, table: &Table) -> Vec<String> {
        let add = |(name, column, other): (String, &str, &str)| {
            format!(
                "ALTER TABLE {} ADD CONSTRAINT {name} FOREIGN KEY ({column}) REFERENCES {other} (id) NOT VALID",
                table.name
            )
        };
        self.references(table).map(add).collect()
    }

    /// The references of a table to others that are carried as well, on a server: name, column, table.
    fn references<'t>(
        &self,
        table: &'t Table,
    ) -> impl Iterator<Item = (String, &'t str, &'t str)> + use<'t> {
        let columns = if self.is_server() { table.columns } else { &[] };
        columns.iter().filter_map(move |column| {
            let other = column.references?;
            service::tables::ALL.iter().any(|ours| ours.name == other).then(|| {
                // As the server names it by itself.
                (format!("{}_{}_fkey", table.name, column.name), column.name, other)
            })
        })
    }

    fn is_server(&self) -> bool {
        self.engine == Engine::Postgres
    }

    fn note_on_server(&self, table: &Table) -> Vec<String> {
        let (name, schema) = (table.name, &self.schema);
        let put = |side: &str| {
            let [one, two] = keys(table)
                .map(|key| key.map_or("''".to_owned(), |key| format!("{side}.{key}::text")));
            format!(
                "INSERT INTO {schema}{OUTBOX} (tbl, key_1, key_2) VALUES ('{name}', {one}, {two}) \
                 ON CONFLICT (tbl, key_1, key_2) DO UPDATE SET seq = EXCLUDED.seq;"
            )
        };
        let changed: Vec<String> = keys(table)
            .into_iter()
            .flatten()
            .map(|key| format!("OLD.{key} IS DISTINCT FROM NEW.{key}"))
            .collect();
        let (old, new, changed) = (put("OLD"), put("NEW"), changed.join(" OR "));
        vec![
            format!(
                "CREATE OR REPLACE FUNCTION {schema}strangler_split_note_{name}() RETURNS trigger LANGUAGE plpgsql \
                 SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $note$ BEGIN \
                 IF TG_OP = 'DELETE' THEN {old} RETURN NULL; END IF; \
                 IF TG_OP = 'UPDATE' THEN IF {changed} THEN {old} END IF; END IF; \
                 {new} RETURN NULL; END $note$"
            ),
            if_there(
                "strangler_split_note",
                name,
                "NULL",
                &format!(
                    "CREATE TRIGGER strangler_split_note AFTER INSERT OR UPDATE OR DELETE ON {name} \
                 FOR EACH ROW EXECUTE FUNCTION {schema}strangler_split_note_{name}()"
                ),
            ),
        ]
    }
}

/// Makes the tables of how far each table is copied, and verified.
pub fn make_progress() -> [String; 2] {
    [PROGRESS, VERIFIED].map(|name| {
        format!(
            "CREATE TABLE IF NOT EXISTS {name} (tbl VARCHAR PRIMARY KEY, position VARCHAR NOT NULL, \
             copied BIGINT NOT NULL, is_done INTEGER NOT NULL)"
        )
    })
}

/// Removes a table of the move's own.
pub fn remove(table: &str) -> String {
    format!("DROP TABLE IF EXISTS {table}")
}

/// One of two statements, as a table of a server has a trigger or not. To drop and make it would lock readers out.
fn if_there(trigger: &str, table: &str, then: &str, otherwise: &str) -> String {
    format!(
        "DO $if$ BEGIN IF EXISTS (SELECT 1 FROM pg_trigger WHERE tgrelid = to_regclass('{table}') AND tgname = '{trigger}') \
         THEN {then}; ELSE {otherwise}; END IF; END $if$"
    )
}

/// A part of a key as the outbox of this kind of database has it.
pub fn noted(engine: Engine, part: &Cell) -> Cell {
    match part {
        Cell::Integer(number) if engine == Engine::Postgres => Cell::Text(number.to_string()),
        part => part.clone(),
    }
}

/// The columns of a table's key.
fn keys(table: &Table) -> [Option<&'static str>; 2] {
    let mut keys = table.columns.iter().filter(|column| column.key).map(|column| column.name);
    [keys.next(), keys.next()]
}

fn note_in_file(table: &Table) -> Vec<String> {
    let name = table.name;
    // Removed and put anew, because a conflict clause of the statement that fires a trigger is that of the trigger's as well.
    let put = |side: &str, condition: &str| {
        let [one, two] =
            keys(table).map(|key| key.map_or("''".to_owned(), |key| format!("{side}.{key}")));
        format!(
            "DELETE FROM {OUTBOX} WHERE tbl = '{name}' AND key_1 = {one} AND key_2 = {two}; \
             INSERT INTO {OUTBOX} (tbl, key_1, key_2) SELECT '{name}', {one}, {two}{condition};"
        )
    };
    let changed: Vec<String> = keys(table)
        .into_iter()
        .flatten()
        .map(|key| format!("OLD.{key} IS NOT NEW.{key}"))
        .collect();
    let moved = format!(" WHERE {}", changed.join(" OR "));
    let does = |event: &str| match event {
        "insert" => put("NEW", ""),
        "delete" => put("OLD", ""),
        _ => format!("{} {}", put("OLD", &moved), put("NEW", "")),
    };
    let note = |event| {
        let does = does(event);
        format!(
            "CREATE TRIGGER IF NOT EXISTS strangler_split_note_{name}_{event} AFTER {event} ON {name} BEGIN {does} END"
        )
    };
    EVENTS.map(note).to_vec()
}

#[cfg(test)]
mod tests {
    use service::tables::{ALL, Record as _, own, portfolio};

    use super::*;

    #[test]
    fn the_statements_of_a_server() {
        let marks = Marks::on_server("public");
        let (sales, strategies) =
            (&own::marketplace::Sales::TABLE, &portfolio::AgentPortfolio::TABLE);
        let all = [
            marks.make_state(),
            vec![marks.make_outbox()],
            make_progress().to_vec(),
            marks.note(sales),
            marks.prepare_fences(),
            marks.fence(sales),
            marks.lift(sales),
            marks.unbind(strategies),
            marks.bind(strategies),
            marks.note_no_more(sales),
            marks.remove_fences(),
        ];
        insta::assert_snapshot!(all.concat().join(";\n"), @r#"
        CREATE TABLE IF NOT EXISTS strangler_split_state (id INTEGER PRIMARY KEY CHECK (id = 1), split VARCHAR NOT NULL, role VARCHAR NOT NULL, phase VARCHAR NOT NULL, other VARCHAR NOT NULL, since VARCHAR NOT NULL, passing INTEGER NOT NULL);
        GRANT SELECT ON strangler_split_state TO PUBLIC;
        CREATE TABLE IF NOT EXISTS strangler_split_outbox (seq BIGSERIAL PRIMARY KEY, tbl VARCHAR NOT NULL, key_1 TEXT NOT NULL, key_2 TEXT NOT NULL, UNIQUE (tbl, key_1, key_2));
        CREATE TABLE IF NOT EXISTS strangler_split_progress (tbl VARCHAR PRIMARY KEY, position VARCHAR NOT NULL, copied BIGINT NOT NULL, is_done INTEGER NOT NULL);
        CREATE TABLE IF NOT EXISTS strangler_split_verified (tbl VARCHAR PRIMARY KEY, position VARCHAR NOT NULL, copied BIGINT NOT NULL, is_done INTEGER NOT NULL);
        CREATE OR REPLACE FUNCTION "public".strangler_split_note_agent_service_market_sales() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $note$ BEGIN IF TG_OP = 'DELETE' THEN INSERT INTO "public".strangler_split_outbox (tbl, key_1, key_2) VALUES ('agent_service_market_sales', OLD.service_type::text, OLD.day::text) ON CONFLICT (tbl, key_1, key_2) DO UPDATE SET seq = EXCLUDED.seq; RETURN NULL; END IF; IF TG_OP = 'UPDATE' THEN IF OLD.service_type IS DISTINCT FROM NEW.service_type OR OLD.day IS DISTINCT FROM NEW.day THEN INSERT INTO "public".strangler_split_outbox (tbl, key_1, key_2) VALUES ('agent_service_market_sales', OLD.service_type::text, OLD.day::text) ON CONFLICT (tbl, key_1, key_2) DO UPDATE SET seq = EXCLUDED.seq; END IF; END IF; INSERT INTO "public".strangler_split_outbox (tbl, key_1, key_2) VALUES ('agent_service_market_sales', NEW.service_type::text, NEW.day::text) ON CONFLICT (tbl, key_1, key_2) DO UPDATE SET seq = EXCLUDED.seq; RETURN NULL; END $note$;
        DO $if$ BEGIN IF EXISTS (SELECT 1 FROM pg_trigger WHERE tgrelid = to_regclass('agent_service_market_sales') AND tgname = 'strangler_split_note') THEN NULL; ELSE CREATE TRIGGER strangler_split_note AFTER INSERT OR UPDATE OR DELETE ON agent_service_market_sales FOR EACH ROW EXECUTE FUNCTION "public".strangler_split_note_agent_service_market_sales(); END IF; END $if$;
        CREATE OR REPLACE FUNCTION "public".strangler_split_fence() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $fence$ BEGIN IF (SELECT passing FROM "public".strangler_split_state) IS DISTINCT FROM 1 THEN RAISE EXCEPTION 'strangler_split: this database takes no writes of these tables; strangler_split_state says which one does' USING ERRCODE = 'SSP01'; END IF; RETURN NULL; END $fence$;
        DO $if$ BEGIN IF EXISTS (SELECT 1 FROM pg_trigger WHERE tgrelid = to_regclass('agent_service_market_sales') AND tgname = 'strangler_split_fence') THEN ALTER TABLE agent_service_market_sales ENABLE TRIGGER strangler_split_fence; ELSE CREATE TRIGGER strangler_split_fence BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON agent_service_market_sales FOR EACH STATEMENT EXECUTE FUNCTION "public".strangler_split_fence(); END IF; END $if$;
        DO $if$ BEGIN IF EXISTS (SELECT 1 FROM pg_trigger WHERE tgrelid = to_regclass('agent_service_market_sales') AND tgname = 'strangler_split_fence') THEN ALTER TABLE agent_service_market_sales DISABLE TRIGGER strangler_split_fence; ELSE NULL; END IF; END $if$;
        ALTER TABLE agent_portfolio DROP CONSTRAINT IF EXISTS agent_portfolio_strategy_id_fkey;
        ALTER TABLE agent_portfolio ADD CONSTRAINT agent_portfolio_strategy_id_fkey FOREIGN KEY (strategy_id) REFERENCES portfolio_strategy (id) NOT VALID;
        DROP TRIGGER IF EXISTS strangler_split_note ON agent_service_market_sales;
        DROP FUNCTION IF EXISTS "public".strangler_split_note_agent_service_market_sales();
        DROP FUNCTION IF EXISTS "public".strangler_split_fence()
        "#);
    }

    #[test]
    fn the_statements_of_a_file() {
        let marks = Marks::in_file();
        let (sales, strategies) =
            (&own::marketplace::Sales::TABLE, &portfolio::AgentPortfolio::TABLE);
        let all = [
            marks.make_state(),
            vec![marks.make_outbox()],
            marks.note(sales),
            marks.prepare_fences(),
            marks.fence(sales),
            marks.lift(sales),
            marks.bind(strategies),
            marks.note_no_more(sales),
        ];
        insta::assert_snapshot!(all.concat().join(";\n"), @r#"
        CREATE TABLE IF NOT EXISTS strangler_split_state (id INTEGER PRIMARY KEY CHECK (id = 1), split VARCHAR NOT NULL, role VARCHAR NOT NULL, phase VARCHAR NOT NULL, other VARCHAR NOT NULL, since VARCHAR NOT NULL, passing INTEGER NOT NULL);
        CREATE TABLE IF NOT EXISTS strangler_split_outbox (seq INTEGER PRIMARY KEY AUTOINCREMENT, tbl VARCHAR NOT NULL, key_1 NOT NULL, key_2 NOT NULL, UNIQUE (tbl, key_1, key_2));
        CREATE TRIGGER IF NOT EXISTS strangler_split_note_agent_service_market_sales_insert AFTER insert ON agent_service_market_sales BEGIN DELETE FROM strangler_split_outbox WHERE tbl = 'agent_service_market_sales' AND key_1 = NEW.service_type AND key_2 = NEW.day; INSERT INTO strangler_split_outbox (tbl, key_1, key_2) SELECT 'agent_service_market_sales', NEW.service_type, NEW.day; END;
        CREATE TRIGGER IF NOT EXISTS strangler_split_note_agent_service_market_sales_update AFTER update ON agent_service_market_sales BEGIN DELETE FROM strangler_split_outbox WHERE tbl = 'agent_service_market_sales' AND key_1 = OLD.service_type AND key_2 = OLD.day; INSERT INTO strangler_split_outbox (tbl, key_1, key_2) SELECT 'agent_service_market_sales', OLD.service_type, OLD.day WHERE OLD.service_type IS NOT NEW.service_type OR OLD.day IS NOT NEW.day; DELETE FROM strangler_split_outbox WHERE tbl = 'agent_service_market_sales' AND key_1 = NEW.service_type AND key_2 = NEW.day; INSERT INTO strangler_split_outbox (tbl, key_1, key_2) SELECT 'agent_service_market_sales', NEW.service_type, NEW.day; END;
        CREATE TRIGGER IF NOT EXISTS strangler_split_note_agent_service_market_sales_delete AFTER delete ON agent_service_market_sales BEGIN DELETE FROM strangler_split_outbox WHERE tbl = 'agent_service_market_sales' AND key_1 = OLD.service_type AND key_2 = OLD.day; INSERT INTO strangler_split_outbox (tbl, key_1, key_2) SELECT 'agent_service_market_sales', OLD.service_type, OLD.day; END;
        CREATE TRIGGER IF NOT EXISTS strangler_split_fence_agent_service_market_sales_insert BEFORE insert ON agent_service_market_sales WHEN (SELECT passing FROM strangler_split_state) IS NOT 1 BEGIN SELECT RAISE(ABORT, 'strangler_split: this database takes no writes of these tables; strangler_split_state says which one does'); END;
        CREATE TRIGGER IF NOT EXISTS strangler_split_fence_agent_service_market_sales_update BEFORE update ON agent_service_market_sales WHEN (SELECT passing FROM strangler_split_state) IS NOT 1 BEGIN SELECT RAISE(ABORT, 'strangler_split: this database takes no writes of these tables; strangler_split_state says which one does'); END;
        CREATE TRIGGER IF NOT EXISTS strangler_split_fence_agent_service_market_sales_delete BEFORE delete ON agent_service_market_sales WHEN (SELECT passing FROM strangler_split_state) IS NOT 1 BEGIN SELECT RAISE(ABORT, 'strangler_split: this database takes no writes of these tables; strangler_split_state says which one does'); END;
        DROP TRIGGER IF EXISTS strangler_split_fence_agent_service_market_sales_insert;
        DROP TRIGGER IF EXISTS strangler_split_fence_agent_service_market_sales_update;
        DROP TRIGGER IF EXISTS strangler_split_fence_agent_service_market_sales_delete;
        DROP TRIGGER IF EXISTS strangler_split_note_agent_service_market_sales_insert;
        DROP TRIGGER IF EXISTS strangler_split_note_agent_service_market_sales_update;
        DROP TRIGGER IF EXISTS strangler_split_note_agent_service_market_sales_delete
        "#);
    }

    #[test]
    fn every_table_has_a_key_of_one_or_two_columns_and_a_name_short_enough() {
        for table in ALL {
            let keys = table.columns.iter().filter(|column| column.key).count();
            assert!((1..=2).contains(&keys), "{}", table.name);
            assert!("strangler_split_note_".len() + table.name.len() < 64, "{}", table.name);
        }
    }
}
