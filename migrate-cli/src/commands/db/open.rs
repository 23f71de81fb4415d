//! Opens a database to look at.

use service::schema::Database;
use service::schema::database::LookError;
use sqlx::postgres::PgConnectOptions;

use super::place::{Place, Server};
use crate::failure::Failure;

/// Opens it so that nothing can be written.
pub(crate) async fn read_only(place: &Place) -> Result<Database, Failure> {
    let opened = match place {
        Place::Sqlite(path) if !path.is_file() => {
            return Err(Failure::Usage {
                message: format!("there is no database {}", path.display()),
                help: "give the file that both backends write".to_owned(),
            });
        }
        Place::Sqlite(path) => Database::open_file(path).await,
        Place::Postgres(server) => Database::connect(options(server)?).await,
    };
    opened.map_err(|why| failed(&place.to_string(), &why))
}

/// How to reach a server, with its password.
pub(crate) fn options(server: &Server) -> Result<PgConnectOptions, Failure> {
    let url = server.url_of(&server.database);
    let options: PgConnectOptions = url.parse().map_err(|why| Failure::Usage {
        message: format!("{server}: {why}"),
        help: "write `postgres://USER@HOST/NAME`".to_owned(),
    })?;
    Ok(match &server.password {
        Some(password) => options.password(password),
        None => options,
    })
}

/// A database that does not answer as it should.
pub(crate) fn failed(name: &str, why: &LookError) -> Failure {
    let mut message = format!("{name}: {why}");
    let mut cause = std::error::Error::source(why);
    while let Some(source) = cause {
        message = format!("{message}: {source}");
        cause = source.source();
    }
    Failure::Other {
        message,
        help: "see that this is the shared database, that it runs, and that this user may read it"
            .to_owned(),
    }
}
