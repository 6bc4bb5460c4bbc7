//! The jobs that make a log of the rows of another.

use rusqlite::params;

use super::{
    super::{copy, schema, writer},
    Batch,
};
use crate::engine::{
    EngineError,
    sqlite::{Copying, Record},
};

impl Batch<'_> {
    /// Notes that rows of another log follow, or that all of them are there.
    pub(super) fn copying(&mut self, copying: &Copying) -> Result<(), EngineError> {
        copy::set_copying(&self.transaction, copying)?;
        if copying.is_done {
            schema::complete_sanctions(&self.transaction)?;
            self.done.tails.extend(writer::tails(&self.transaction)?);
        }
        Ok(())
    }

    /// Puts rows into a table as they are. Of an event, notes which entry of the cluster's log it is in.
    pub(super) fn copy(&mut self, table: &str, records: &[Record]) -> Result<(), EngineError> {
        for record in records {
            copy::put(&self.transaction, table, record)?;
            if let (Some(place), "events") = (&self.place, table) {
                let sql = "INSERT OR REPLACE INTO copied (room, seq, entry) VALUES (?1, ?2, ?3)";
                let key = |name: &str| record.get(name).and_then(serde_json::Value::as_u64);
                self.transaction.prepare_cached(sql)?.execute(params![key("room"), key("seq"), place.number])?;
            }
        }
        Ok(())
    }
}
