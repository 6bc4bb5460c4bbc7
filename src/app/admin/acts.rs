use leptos::prelude::*;

use super::{page, path_to};
use crate::texts::Texts;

/// A page of what was done in a room.
#[derive(Clone, Debug)]
pub struct ActsView {
    /// The room's number.
    pub room: String,
    /// Its name.
    pub name: String,
    /// Newest first.
    pub acts: Vec<ActRow>,
    /// Where the older ones are; none if there are none.
    pub older: Option<String>,
}

/// Something that was done.
#[derive(Clone, Debug)]
pub struct ActRow {
    /// When: RFC 3339, UTC.
    pub at: String,
    /// By whom; empty for the API or the program.
    pub by: String,
    /// What, in words.
    pub what: String,
    /// Whose message it was, or what else there is to see; may be empty.
    pub detail: String,
    /// Why; may be empty.
    pub reason: String,
}

/// What was done in a room, newest first.
pub fn acts(texts: &'static Texts, ActsView { room, name, acts, older }: ActsView) -> impl IntoView {
    let row = |ActRow { at, by, what, detail, reason }: ActRow| {
        view! {
            <tr>
                <td><time datetime=at.clone()>{at.replace('T', " ").replace('Z', "")}</time></td>
                <td><code>{by}</code></td>
                <th scope="row">{what}</th>
                <td dir="auto">{detail}</td>
                <td dir="auto">{reason}</td>
            </tr>
        }
    };
    let is_empty = acts.is_empty();
    let body = view! {
        {path_to(texts, &room, &name)}
        <p hidden=!is_empty>{texts.text("admin.nothing_done")}</p>
        <div class="wide" role="region" aria-label=texts.text("admin.done") tabindex="0" hidden=is_empty>
            <table>
                <thead>
                    <tr>
                        <th scope="col">{texts.text("admin.when")}</th>
                        <th scope="col">{texts.text("admin.by")}</th>
                        <th scope="col">{texts.text("admin.what")}</th>
                        <th scope="col">{texts.text("admin.of_it")}</th>
                        <th scope="col">{texts.text("admin.why")}</th>
                    </tr>
                </thead>
                <tbody>{acts.into_iter().map(row).collect_view()}</tbody>
            </table>
        </div>
        {older.map(|href| view! { <p><a class="button quiet" href=href>{texts.text("admin.older")}</a></p> })}
    };
    page(texts, texts.text("admin.done"), body)
}
