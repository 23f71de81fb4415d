//! A throw-away PostgreSQL for scripts: prints the URL of an empty database, and ends with its standard input.

use std::io::{Read as _, Write as _};

use throwaway::postgres::Postgres;

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let postgres = Postgres::start().await;
    postgres.query("postgres", "CREATE DATABASE empty").await;
    writeln!(std::io::stdout(), "{}", postgres.url("empty"))?;
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
