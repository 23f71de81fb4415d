//! Identifiers for new rows, drawn anew where they are taken: the monolith's are short enough for that.

use super::{StoreError, Writing};
use crate::tables::Record;

impl Writing {
    /// An identifier for a new row, out of a few that are drawn: one that no row has in its key, nor in another column that
    /// allows each value once. Those of the monolith have 32 bits: a million rows have taken one of 4,300.
    pub async fn free_id<R: Record>(
        &mut self,
        draw: impl Fn() -> String + Send,
    ) -> Result<String, StoreError> {
        const DRAWS: usize = 8;
        let columns = R::TABLE.columns.iter();
        let columns = columns.filter(|column| column.key || column.unique);
        let conditions: Vec<_> = columns.map(|column| format!("{} = ?", column.name)).collect();
        let sql =
            format!("SELECT 1 FROM {} WHERE {} LIMIT 1", R::TABLE.name, conditions.join(" OR "));
        let mut id = draw();
        for _ in 1..DRAWS {
            let binds = vec![id.as_str().into(); conditions.len()];
            let taken = self.figures("draw an identifier", sql.clone(), binds);
            if taken.await?.is_empty() {
                break;
            }
            id = draw();
        }
        Ok(id)
    }

    /// Two such identifiers: the monolith gives some rows a key of their own beside the table's, made alike.
    pub async fn free_ids<R: Record>(
        &mut self,
        draw: impl Fn() -> String + Send + Sync,
    ) -> Result<[String; 2], StoreError> {
        Ok([self.free_id::<R>(&draw).await?, self.free_id::<R>(&draw).await?])
    }
}
