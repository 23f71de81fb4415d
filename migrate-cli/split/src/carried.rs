//! One table on its way: which columns are carried, and the statements that read, write and remove its rows. Pure.

use service::tables::{Cell, Column, ColumnType, Engine, Table};

/// The most places that one statement has; either engine takes more.
const MOST_PLACES: usize = 16_000;

/// The most rows of one statement, a power of two, so that few different statements are prepared.
const MOST_ROWS: usize = 64;

/// A row: its cells in the order of the columns, then its number where that is carried.
pub type Row = Vec<Cell>;

/// The values of the key's columns.
pub type Key = Vec<Cell>;

/// A table that is carried from one kind of database to another.
#[derive(Debug, Clone, Copy)]
pub struct Carried {
    /// Its definition.
    pub table: &'static Table,
    /// Whether the number of each row goes with it: the order in which rows came.
    pub with_number: bool,
}

/// How rows are put where others may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// What is there stays: whoever wrote it has been noted, and comes later.
    Fill,
    /// What is there goes first, or is changed.
    Renew,
}

/// Where in a table the next page begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Position {
    /// At the beginning.
    Start,
    /// Behind the row with this number.
    Number(i64),
    /// Behind this place of a table in PostgreSQL, whose rows have no numbers.
    Place(u64, u64),
}

impl Carried {
    /// What of a table is carried between these engines.
    pub fn new(table: &'static Table, from: Engine, to: Engine) -> Self {
        let with_number = match (from, to) {
            // There the key of one number is the row's number.
            _ if counts(table) => {
                (from, to) == (Engine::Postgres, Engine::Postgres) && !table.is_shared()
            }
            (Engine::Sqlite, Engine::Sqlite) => true,
            _ => !table.is_shared(),
        };
        Self { table, with_number }
    }

    /// The columns of its key.
    pub fn keys(&self) -> impl Iterator<Item = &'static Column> + use<> {
        self.table.columns.iter().filter(|column| column.key)
    }

    /// The key of a row.
    pub fn key_of(&self, row: &[Cell]) -> Key {
        let columns = self.table.columns.iter().zip(row);
        columns.filter(|(column, _)| column.key).map(|(_, cell)| cell.clone()).collect()
    }

    /// The columns that number themselves on PostgreSQL.
    pub fn counting(&self) -> Option<&'static str> {
        if !self.table.is_shared() {
            return Some("rowid");
        }
        counts(self.table).then(|| self.keys().next().map(|key| key.name)).flatten()
    }

    /// Whether the table's pages are read by the places of rows and not by their numbers.
    pub fn is_read_by_place(&self, engine: Engine) -> bool {
        engine == Engine::Postgres && self.table.is_shared()
    }

    /// A page of rows, each with its number or place behind it, and what is bound for it. `until` is the block before which a
    /// page that is read by place ends.
    pub fn page(
        &self,
        engine: Engine,
        position: &Position,
        until: u64,
        most: usize,
    ) -> (String, Vec<Cell>) {
        let (name, columns) = (self.table.name, self.names().join(", "));
        if self.is_read_by_place(engine) {
            let (block, row) =
                if let Position::Place(block, row) = position { (*block, *row) } else { (0, 0) };
            // With its table's name, because without it the order would be that of the text which is answered: (10,1) before (9,1).
            let sql = format!(
                "SELECT {columns}, CAST(ctid AS text) FROM {name} WHERE ctid > CAST(CAST(? AS text) AS tid) \
                 AND ctid < CAST(CAST(? AS text) AS tid) ORDER BY {name}.ctid LIMIT {most}"
            );
            return (
                sql,
                vec![Cell::Text(format!("({block},{row})")), Cell::Text(format!("({until},0)"))],
            );
        }
        let (condition, binds) = match position {
            Position::Number(number) => (" WHERE rowid > ?", vec![Cell::Integer(*number)]),
            _ => ("", Vec::new()),
        };
        (
            format!("SELECT {columns}, rowid FROM {name}{condition} ORDER BY rowid LIMIT {most}"),
            binds,
        )
    }

    /// The rows with these keys, and what is bound for it.
    pub fn with_keys(&self, keys: &[Key]) -> (String, Vec<Cell>) {
        let number = if self.with_number { ", rowid" } else { "" };
        let (columns, name) = (self.names().join(", "), self.table.name);
        let sql =
            format!("SELECT {columns}{number} FROM {name} WHERE {}", self.have_keys(keys.len()));
        (sql, keys.concat())
    }

    /// The statement that removes the rows with these keys.
    pub fn remove(&self, keys: &[Key]) -> (String, Vec<Cell>) {
        let sql = format!("DELETE FROM {} WHERE {}", self.table.name, self.have_keys(keys.len()));
        (sql, keys.concat())
    }

    /// The statements that remove rows which stand in the way of some that come: they have another key, and a value that may be
    /// there once. They have changed since, which has been noted, and come later. Where rows are not changed in place, those with
    /// the same keys are to be removed before.
    pub fn clear_way(&self, rows: &[Row]) -> Vec<(String, Vec<Cell>)> {
        let name = self.table.name;
        let mut statements = Vec::new();
        for (place, column) in self.once() {
            let valued = rows.iter().filter_map(|row| Some((row, row.get(place)?.clone())));
            let valued: Vec<(&Row, Cell)> =
                valued.filter(|(_, cell)| *cell != Cell::Null).collect();
            if self.is_changed_in_place() {
                let sql = format!(
                    "DELETE FROM {name} WHERE {column} = ? AND NOT ({})",
                    self.have_keys(1)
                );
                statements.extend(valued.into_iter().map(|(row, cell)| {
                    (sql.clone(), std::iter::once(cell).chain(self.key_of(row)).collect())
                }));
            } else if !valued.is_empty() {
                let places = vec!["?"; valued.len()].join(", ");
                let values = valued.into_iter().map(|(_, cell)| cell).collect();
                statements
                    .push((format!("DELETE FROM {name} WHERE {column} IN ({places})"), values));
            }
        }
        statements
    }

    /// The columns beside the key in which a value may stand once, with their places in a row.
    fn once(&self) -> impl Iterator<Item = (usize, &'static str)> + use<> {
        let columns = self.table.columns.iter().enumerate();
        let unique = columns.filter(|(_, column)| column.unique || column.unique_constraint);
        let number = self.with_number.then_some((self.table.columns.len(), "rowid"));
        unique.map(|(place, column)| (place, column.name)).chain(number)
    }

    /// The statements that put rows into a database of this kind.
    pub fn put(&self, engine: Engine, rows: &[Row], manner: Manner) -> Vec<(String, Vec<Cell>)> {
        let mut statements = Vec::new();
        let mut rest = rows;
        while !rest.is_empty() {
            let room = (MOST_PLACES / self.names().len().max(1)).clamp(1, MOST_ROWS);
            let most = rest.len().min(room);
            // The largest power of two that is no larger.
            let count = 1 << most.ilog2();
            let (now, later) = rest.split_at(count);
            statements.push((self.insert(engine, count, manner), now.concat()));
            rest = later;
        }
        statements
    }

    /// Whether a row that is there is changed where it stands. One whose number is carried has to be removed before.
    pub fn is_changed_in_place(&self) -> bool {
        !self.with_number
    }

    fn insert(&self, engine: Engine, rows: usize, manner: Manner) -> String {
        let mut names = self.names();
        if self.with_number {
            names.push("rowid");
        }
        let row = format!("({})", vec!["?"; names.len()].join(", "));
        let numbered = if self.with_number && engine == Engine::Postgres {
            " OVERRIDING SYSTEM VALUE"
        } else {
            ""
        };
        let conflict = match manner {
            Manner::Fill => " ON CONFLICT DO NOTHING".to_owned(),
            Manner::Renew if self.is_changed_in_place() => self.or_change(),
            Manner::Renew => String::new(),
        };
        format!(
            "INSERT INTO {} ({}){numbered} VALUES {}{conflict}",
            self.table.name,
            names.join(", "),
            vec![row; rows].join(", ")
        )
    }

    fn or_change(&self) -> String {
        let keys: Vec<&str> = self.keys().map(|key| key.name).collect();
        let others = self.table.columns.iter().filter(|column| !column.key);
        let set: Vec<String> =
            others.map(|column| format!("{0} = EXCLUDED.{0}", column.name)).collect();
        let act = if set.is_empty() {
            "NOTHING".to_owned()
        } else {
            format!("UPDATE SET {}", set.join(", "))
        };
        format!(" ON CONFLICT ({}) DO {act}", keys.join(", "))
    }

    fn have_keys(&self, count: usize) -> String {
        let names: Vec<String> = self.keys().map(|key| format!("{} = ?", key.name)).collect();
        match names.as_slice() {
            // A list is quicker than as many conditions.
            [_] if count > 1 => {
                let name = self.keys().next().map_or("", |key| key.name);
                format!("{name} IN ({})", vec!["?"; count].join(", "))
            }
            _ => vec![format!("({})", names.join(" AND ")); count].join(" OR "),
        }
    }

    fn names(&self) -> Vec<&'static str> {
        self.table.column_names()
    }
}

/// Whether the key is one number, which the monolith's tables draw.
fn counts(table: &Table) -> bool {
    let mut keys = table.columns.iter().filter(|column| column.key);
    matches!((keys.next(), keys.next()), (Some(key), None) if key.kind == ColumnType::Integer)
}

impl Position {
    /// Behind a row, by the number or place that stands behind its cells.
    pub fn behind(cell: &Cell) -> Option<Self> {
        match cell {
            Cell::Integer(number) => Some(Self::Number(*number)),
            Cell::Text(place) => Self::place(place),
            _ => None,
        }
    }

    fn place(text: &str) -> Option<Self> {
        let (block, row) = text.strip_prefix('(')?.strip_suffix(')')?.split_once(',')?;
        Some(Self::Place(block.parse().ok()?, row.parse().ok()?))
    }

    /// As it is stored.
    pub fn word(&self) -> String {
        match self {
            Self::Start => String::new(),
            Self::Number(number) => number.to_string(),
            Self::Place(block, row) => format!("({block},{row})"),
        }
    }

    /// What was stored.
    pub fn of(word: &str) -> Option<Self> {
        if word.is_empty() {
            return Some(Self::Start);
        }
        Self::place(word).or_else(|| word.parse().ok().map(Self::Number))
    }
}

#[cfg(test)]
mod tests {
    use service::tables::{Record as _, agents, own, portfolio, security};

    use super::*;

    const SQLITE: Engine = Engine::Sqlite;
    const POSTGRES: Engine = Engine::Postgres;

    #[test]
    fn numbers_are_carried_where_both_sides_have_them_apart_from_the_key() {
        let carries = |table, from, to| Carried::new(table, from, to).with_number;
        let both = [(SQLITE, POSTGRES), (POSTGRES, SQLITE), (POSTGRES, POSTGRES), (SQLITE, SQLITE)];
        let of = |table| both.map(|(from, to)| carries(table, from, to));
        assert_eq!(of(&own::Run::TABLE), [true, true, true, true]);
        assert_eq!(of(&agents::Workflow::TABLE), [false, false, false, true]);
        assert_eq!(of(&portfolio::AgentPortfolio::TABLE), [false; 4]);
        assert_eq!(of(&own::portfolio::PortfolioOwner::TABLE), [false, false, true, false]);
    }

    #[test]
    fn the_statements() {
        let policies = Carried::new(&security::Policy::TABLE, SQLITE, POSTGRES);
        let sales = Carried::new(&own::marketplace::Sales::TABLE, SQLITE, POSTGRES);
        let owners = Carried::new(&own::portfolio::PortfolioOwner::TABLE, SQLITE, POSTGRES);
        let (paged, binds) = policies.page(POSTGRES, &Position::Place(3, 4), 8, 9);
        assert_eq!(binds, [Cell::from("(3,4)"), Cell::from("(8,0)")]);
        let keys = [vec![Cell::from("a"), Cell::from("b")], vec![Cell::from("c"), Cell::from("d")]];
        let mut shown = vec![
            sales.page(SQLITE, &Position::Start, 0, 9).0,
            sales.page(POSTGRES, &Position::Number(3), 0, 9).0,
            paged.replace(&policies.names().join(", "), "…"),
            sales.with_keys(&keys).0,
            owners.remove(&[vec![Cell::Integer(1)], vec![Cell::Integer(2)]]).0,
            sales.insert(POSTGRES, 2, Manner::Fill),
            sales.insert(SQLITE, 1, Manner::Renew),
            owners.insert(POSTGRES, 1, Manner::Renew),
        ];
        let row = vec![Cell::Integer(7), Cell::from("alice"), Cell::from("0x1"), Cell::Null];
        shown.extend(owners.clear_way(&[row]).into_iter().map(|(sql, _)| sql));
        insta::assert_snapshot!(shown.join("\n"), @r#"
        SELECT service_type, day, completed_jobs, volume, rowid FROM agent_service_market_sales ORDER BY rowid LIMIT 9
        SELECT service_type, day, completed_jobs, volume, rowid FROM agent_service_market_sales WHERE rowid > ? ORDER BY rowid LIMIT 9
        SELECT …, CAST(ctid AS text) FROM agent_security_policies WHERE ctid > CAST(CAST(? AS text) AS tid) AND ctid < CAST(CAST(? AS text) AS tid) ORDER BY agent_security_policies.ctid LIMIT 9
        SELECT service_type, day, completed_jobs, volume, rowid FROM agent_service_market_sales WHERE (service_type = ? AND day = ?) OR (service_type = ? AND day = ?)
        DELETE FROM agent_service_portfolio_owners WHERE portfolio_id IN (?, ?)
        INSERT INTO agent_service_market_sales (service_type, day, completed_jobs, volume, rowid) OVERRIDING SYSTEM VALUE VALUES (?, ?, ?, ?, ?), (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
        INSERT INTO agent_service_market_sales (service_type, day, completed_jobs, volume, rowid) VALUES (?, ?, ?, ?, ?)
        INSERT INTO agent_service_portfolio_owners (portfolio_id, owner_id, address, net_transfers) VALUES (?, ?, ?, ?) ON CONFLICT (portfolio_id) DO UPDATE SET owner_id = EXCLUDED.owner_id, address = EXCLUDED.address, net_transfers = EXCLUDED.net_transfers
        DELETE FROM agent_service_portfolio_owners WHERE address = ? AND NOT ((portfolio_id = ?))
        "#);
    }

    #[test]
    fn rows_are_put_in_few_sizes() {
        let runs = Carried::new(&own::Run::TABLE, SQLITE, POSTGRES);
        let row = vec![Cell::Null; own::Run::TABLE.columns.len() + 1];
        let sizes = |count| -> Vec<usize> {
            let put = runs.put(POSTGRES, &vec![row.clone(); count], Manner::Fill);
            put.iter().map(|(_, binds)| binds.len() / row.len()).collect()
        };
        assert_eq!(sizes(0), Vec::<usize>::new());
        assert_eq!(sizes(200), [64, 64, 64, 8]);
        assert_eq!(sizes(7), [4, 2, 1]);
    }

    #[test]
    fn positions_come_back() {
        for position in [Position::Start, Position::Number(-3), Position::Place(70_000, 12)] {
            assert_eq!(Position::of(&position.word()), Some(position));
        }
        assert_eq!(Position::of("(1;2)"), None);
        assert_eq!(Position::behind(&Cell::from("(1,2)")), Some(Position::Place(1, 2)));
        assert_eq!(Position::behind(&Cell::Null), None);
    }
}
