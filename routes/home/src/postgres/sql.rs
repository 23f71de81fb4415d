//! The statements. Every one names its table; what they mean together is said where they are used.

use routes::generation::Generation;
use routes::journal::{End, Record};
use sqlx::postgres::PgConnection;
use sqlx::{PgExecutor, Row as _};

/// The channel on which changes are told, with the name of the table that has changed.
pub(super) const CHANNEL: &str = "strangler_routes";
/// Most lines that are looked at for the last changes of a journal.
const LAST_LINES: i64 = 1000;
/// Longest name of a lock's holder that is kept, characters.
const MAX_HOLDER: usize = 256;

/// The text; `None` where there is no such table.
pub(super) async fn text(
    from: impl PgExecutor<'_>,
    name: &str,
) -> Result<Option<String>, sqlx::Error> {
    let sql = "SELECT text FROM strangler_routes.tables WHERE name = $1";
    sqlx::query_scalar(sql).bind(name).fetch_optional(from).await
}

/// The same, which nobody else may change before the transaction ends.
pub(super) async fn text_to_change(
    on: &mut PgConnection,
    name: &str,
) -> Result<Option<String>, sqlx::Error> {
    let sql = "SELECT text FROM strangler_routes.tables WHERE name = $1 FOR UPDATE";
    sqlx::query_scalar(sql).bind(name).fetch_optional(on).await
}

/// The text where its digest is not this one. The digest is made of the text then and there, because somebody may have
/// changed the row by hand. The first value: whether there is such a table.
pub(super) async fn text_unless(
    from: impl PgExecutor<'_>,
    name: &str,
    digest: &str,
) -> Result<(bool, Option<String>), sqlx::Error> {
    let sql = "SELECT CASE WHEN left(encode(sha256(convert_to(text, 'UTF8')), 'hex'), 16) <> $2 \
               THEN text END FROM strangler_routes.tables WHERE name = $1";
    let row = sqlx::query(sql).bind(name).bind(digest).fetch_optional(from).await?;
    match row {
        Some(row) => Ok((true, row.try_get(0)?)),
        None => Ok((false, None)),
    }
}

/// The journal, each line with its end; `None` where it is longer than `limit`.
pub(super) async fn journal(
    from: &sqlx::PgPool,
    name: &str,
    limit: u64,
) -> Result<Option<Vec<u8>>, sqlx::Error> {
    let sql = "SELECT coalesce(sum(octet_length(bytes) + 1), 0)::BIGINT \
               FROM strangler_routes.journal WHERE name = $1";
    let size: i64 = sqlx::query_scalar(sql).bind(name).fetch_one(from).await?;
    if u64::try_from(size).is_ok_and(|size| size > limit) {
        return Ok(None);
    }
    let sql = "SELECT bytes FROM strangler_routes.journal WHERE name = $1 ORDER BY line";
    Ok(Some(joined(&sqlx::query_scalar(sql).bind(name).fetch_all(from).await?)))
}

/// The journal's last lines that are together no longer than `bytes`.
pub(super) async fn journal_end(
    from: impl PgExecutor<'_>,
    name: &str,
    bytes: u64,
) -> Result<Vec<u8>, sqlx::Error> {
    let sql = "SELECT bytes FROM ( \
                 SELECT line, bytes, sum(octet_length(bytes) + 1) OVER (ORDER BY line DESC) AS size \
                 FROM (SELECT line, bytes FROM strangler_routes.journal WHERE name = $1 \
                       ORDER BY line DESC LIMIT $3) AS newest \
               ) AS sized WHERE size <= $2 ORDER BY line";
    let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
    let lines = sqlx::query_scalar(sql).bind(name).bind(bytes).bind(LAST_LINES);
    Ok(joined(&lines.fetch_all(from).await?))
}

fn joined(lines: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = lines.join(&b'\n');
    if !lines.is_empty() {
        bytes.push(b'\n');
    }
    bytes
}

/// Number of the journal's last line.
pub(super) async fn lines(
    from: impl PgExecutor<'_>,
    name: &str,
) -> Result<Option<i64>, sqlx::Error> {
    let sql = "SELECT max(line) FROM strangler_routes.journal WHERE name = $1";
    sqlx::query_scalar(sql).bind(name).fetch_one(from).await
}

/// Appends a record as the journal's next line.
pub(super) async fn append(
    on: &mut PgConnection,
    name: &str,
    record: Record,
) -> Result<(), sqlx::Error> {
    let sql = "SELECT line, bytes, (SELECT max(sequence) FROM strangler_routes.journal WHERE name = $1) \
               FROM strangler_routes.journal WHERE name = $1 ORDER BY line DESC LIMIT 1";
    let last = sqlx::query(sql).bind(name).fetch_optional(&mut *on).await?;
    let (line, end) = match last {
        None => (1, End::after(0, None)),
        Some(row) => {
            let (line, bytes): (i64, Vec<u8>) = (row.try_get(0)?, row.try_get(1)?);
            let sequence: Option<i64> = row.try_get(2)?;
            let sequence = sequence.and_then(|sequence| u64::try_from(sequence).ok());
            (line.saturating_add(1), End::after(sequence.unwrap_or(0), Some(&bytes)))
        }
    };
    let (entry, bytes) = end.next(record).map_err(sqlx::Error::Io)?;
    insert_line(on, name, line, i64::try_from(entry.sequence).ok(), &bytes).await
}

/// Writes one line of a journal.
pub(super) async fn insert_line(
    on: &mut PgConnection,
    name: &str,
    line: i64,
    sequence: Option<i64>,
    bytes: &[u8],
) -> Result<(), sqlx::Error> {
    let sql = "INSERT INTO strangler_routes.journal (name, line, sequence, bytes) VALUES ($1, $2, $3, $4)";
    sqlx::query(sql).bind(name).bind(line).bind(sequence).bind(bytes).execute(on).await?;
    Ok(())
}

/// Writes another text.
pub(super) async fn replace(
    on: &mut PgConnection,
    name: &str,
    text: &str,
    generation: &Generation,
    who: &str,
) -> Result<(), sqlx::Error> {
    let sql = "UPDATE strangler_routes.tables \
               SET text = $2, generation = $3, digest = $4, changed_at = now(), changed_by = $5 WHERE name = $1";
    let number = i64::try_from(generation.number).unwrap_or(i64::MAX);
    let query = sqlx::query(sql).bind(name).bind(text).bind(number);
    query.bind(generation.digest.as_str()).bind(who).execute(on).await?;
    Ok(())
}

/// Writes the first text of a table.
pub(super) async fn insert(
    on: &mut PgConnection,
    name: &str,
    text: &str,
    generation: &Generation,
    who: &str,
) -> Result<(), sqlx::Error> {
    let sql = "INSERT INTO strangler_routes.tables (name, text, generation, digest, changed_by) VALUES ($1, $2, $3, $4, $5)";
    let number = i64::try_from(generation.number).unwrap_or(i64::MAX);
    let query = sqlx::query(sql).bind(name).bind(text).bind(number);
    query.bind(generation.digest.as_str()).bind(who).execute(on).await?;
    Ok(())
}

/// Tells whoever follows, when the transaction is committed.
pub(super) async fn tell(on: &mut PgConnection, name: &str) -> Result<(), sqlx::Error> {
    sqlx::query("SELECT pg_notify($1, $2)").bind(CHANNEL).bind(name).execute(on).await?;
    Ok(())
}

/// Takes the lock that ends with the session, if it is free.
pub(super) async fn try_lock(on: &mut PgConnection, name: &str) -> Result<bool, sqlx::Error> {
    let sql = "SELECT pg_try_advisory_lock(hashtextextended('strangler_routes/' || $1, 0))";
    sqlx::query_scalar(sql).bind(name).fetch_one(on).await
}

/// Gives it back.
pub(super) async fn unlock(on: &mut PgConnection, name: &str) -> Result<(), sqlx::Error> {
    let sql = "SELECT pg_advisory_unlock(hashtextextended('strangler_routes/' || $1, 0))";
    sqlx::query(sql).bind(name).execute(on).await?;
    Ok(())
}

/// Says who holds the lock.
pub(super) async fn note_holder(
    on: &mut PgConnection,
    name: &str,
    holder: &str,
) -> Result<(), sqlx::Error> {
    let holder: String =
        holder.chars().filter(|character| !character.is_control()).take(MAX_HOLDER).collect();
    let sql = "UPDATE strangler_routes.tables SET holder = $2 WHERE name = $1";
    sqlx::query(sql).bind(name).bind(holder).execute(on).await?;
    Ok(())
}

/// Who took the lock last.
pub(super) async fn holder(on: &mut PgConnection, name: &str) -> Result<String, sqlx::Error> {
    let sql = "SELECT holder FROM strangler_routes.tables WHERE name = $1";
    let holder: Option<String> = sqlx::query_scalar(sql).bind(name).fetch_optional(on).await?;
    let holder = holder.filter(|holder| !holder.is_empty());
    Ok(holder.unwrap_or_else(|| "another process".to_owned()))
}

/// Whether an error says that our tables were never made: `undefined_table`, `invalid_schema_name`.
pub(super) fn is_missing(error: &sqlx::Error) -> bool {
    code(error).is_some_and(|code| matches!(&*code, "42P01" | "3F000"))
}

/// Whether an error says that the database is not there, or lets nobody in: connection exceptions, refused authorization, no
/// such database, too many connections, shutdown.
/// <https://www.postgresql.org/docs/current/errcodes-appendix.html>
pub(super) fn is_unreachable(error: &sqlx::Error) -> bool {
    match code(error) {
        Some(code) => ["08", "28", "3D", "53", "57P"].iter().any(|class| code.starts_with(class)),
        None => matches!(
            error,
            sqlx::Error::Io(_)
                | sqlx::Error::Tls(_)
                | sqlx::Error::Protocol(_)
                | sqlx::Error::PoolTimedOut
                | sqlx::Error::PoolClosed
                | sqlx::Error::WorkerCrashed
        ),
    }
}

fn code(error: &sqlx::Error) -> Option<std::borrow::Cow<'_, str>> {
    error.as_database_error().and_then(sqlx::error::DatabaseError::code)
}
