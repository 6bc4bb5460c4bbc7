use leptos::prelude::*;

use super::MessageRow;
use crate::app::{
    session::Session,
    state::timeline::{Row, RowKey},
    task::follow,
};

/// A row, in the cell that its component reads.
type Cell = (RowKey, ArcRwSignal<Row>);

/// A list of `rows`, which are in the order of the log and follow the state.
#[component]
pub fn List(
    session: Session,
    /// Returns the rows, and subscribes to what they depend on.
    rows: fn(Session) -> Vec<Row>,
) -> impl IntoView {
    let cells = RwSignal::new(Vec::new());
    untrack(|| cells.update_untracked(|cells| merge(cells, rows(session))));
    follow(Box::new(move || {
        let rows = rows(session);
        cells.maybe_update(|cells| merge(cells, rows));
    }));
    view! {
        <For each=move || cells.get() key=|(key, _)| *key let((_, row))>
            <MessageRow session row />
        </For>
    }
}

/// Makes `cells` hold `rows`. Rows that are there already keep their cells, which change only if the rows look different now. Returns
/// whether a row came or went.
fn merge(cells: &mut Vec<Cell>, rows: Vec<Row>) -> bool {
    let is_same = cells.len() == rows.len() && cells.iter().zip(&rows).all(|((key, _), row)| *key == row.key());
    let mut before = std::mem::take(cells).into_iter().peekable();
    for row in rows {
        let key = row.key();
        while before.next_if(|(before, _)| *before < key).is_some() {}
        if let Some((_, cell)) = before.next_if(|(before, _)| *before == key) {
            if cell.with_untracked(|shown| *shown != row) {
                cell.set(row);
            }
            cells.push((key, cell));
        } else {
            cells.push((key, ArcRwSignal::new(row)));
        }
    }
    !is_same
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::{
        state::timeline::{Reader, Timeline, tests::messages},
        wire::{ChatMessage, HistoryPage, Removal},
    };

    fn show(cells: &mut Vec<Cell>, timeline: &Timeline) -> bool {
        merge(cells, timeline.rows("", "", None))
    }

    fn seqs(cells: &[Cell]) -> Vec<u64> {
        cells.iter().map(|(_, cell)| cell.with_untracked(|row| row.message.seq)).collect()
    }

    #[test]
    fn a_row_keeps_its_cell_for_as_long_as_it_is_there() {
        let mut timeline = Timeline::new(&messages(1..=3), true, "e-3");
        let mut cells = Vec::new();
        assert!(show(&mut cells, &timeline));
        let before = cells.clone();
        assert!(!show(&mut cells, &timeline), "nothing came or went");

        timeline.append(messages(4..=5), Reader::AtEnd);
        timeline.remove(Removal::Message(1), "");
        assert!(show(&mut cells, &timeline));
        assert_eq!(seqs(&cells), [2, 3, 4, 5]);
        assert!(before[2].1.with_untracked(|row| !row.name), "it goes on under the name of the row before");
        assert!(before[1].1.with_untracked(|row| row.name && row.day), "and the first row changed in place");

        timeline.toggle(3, "🎉");
        assert!(!show(&mut cells, &timeline), "a reaction moves no row");
        assert_eq!(before[2].1.with_untracked(|row| row.reactions.len()), 1);
    }

    #[test]
    fn a_message_of_another_log_is_another_row() {
        let mut timeline = Timeline::new(&messages(1..=3), true, "e-3");
        let mut cells = Vec::new();
        show(&mut cells, &timeline);
        let keys: Vec<RowKey> = cells.iter().map(|(key, _)| *key).collect();
        let messages = vec![ChatMessage { author: "bob".into(), ..messages(2..=2).remove(0) }];
        timeline.restart(HistoryPage { messages, position: "f-2".into(), ..HistoryPage::default() });
        assert!(show(&mut cells, &timeline));
        assert!(cells.len() == 1 && !keys.contains(&cells[0].0));
    }
}
