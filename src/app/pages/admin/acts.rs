use leptos::prelude::*;
use leptos_meta::Title;

use super::{page, path_to};
use crate::{
    app::document::texts,
    texts::{Texts, key},
};

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
    /// What the word filter refused lately, newest first.
    pub blocked: Vec<BlockedRow>,
}

/// Refusals of one author for one word.
#[derive(Clone, Debug)]
pub struct BlockedRow {
    /// When it happened last: RFC 3339, UTC.
    pub at: String,
    /// Whose message it was.
    pub author: String,
    /// The word.
    pub word: String,
    /// Where it was.
    pub field: String,
    /// How often it happened.
    pub times: String,
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
#[component]
pub fn AuditLogPage(
    /// What it shows.
    view: ActsView,
) -> impl IntoView {
    let texts = texts();
    let ActsView { room, name, acts, older, blocked } = view;
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
        <Title text=texts.fill(key::admin::DONE_IN, &[("room", &name)]) />
        {path_to(texts, &room, &name)}
        <p hidden=!is_empty>{texts.text(key::admin::NOTHING_DONE)}</p>
        <div class="wide" role="region" aria-label=texts.text(key::admin::DONE) tabindex="0" hidden=is_empty>
            <table>
                <thead>
                    <tr>
                        <th scope="col">{texts.text(key::admin::WHEN)}</th>
                        <th scope="col">{texts.text(key::admin::BY)}</th>
                        <th scope="col">{texts.text(key::admin::WHAT)}</th>
                        <th scope="col">{texts.text(key::admin::OF_IT)}</th>
                        <th scope="col">{texts.text(key::admin::WHY)}</th>
                    </tr>
                </thead>
                <tbody>{acts.into_iter().map(row).collect_view()}</tbody>
            </table>
        </div>
        {(!blocked.is_empty()).then(|| blocked_words(texts, blocked))}
        {older.map(|href| view! { <p><a class="button quiet" href=href>{texts.text(key::admin::OLDER)}</a></p> })}
    };
    page(texts, texts.text(key::admin::DONE), body)
}

fn blocked_words(texts: &'static Texts, blocked: Vec<BlockedRow>) -> impl IntoView {
    let row = |BlockedRow { at, author, word, field, times }: BlockedRow| {
        view! {
            <tr>
                <td><time datetime=at.clone()>{at.replace('T', " ").replace('Z', "")}</time></td>
                <td><code>{author}</code></td>
                <th scope="row" dir="auto">{word}</th>
                <td>{field}</td>
                <td>{times}</td>
            </tr>
        }
    };
    view! {
        <h2>{texts.text(key::admin::BLOCKED)}</h2>
        <div class="wide" role="region" aria-label=texts.text(key::admin::BLOCKED) tabindex="0">
            <table>
                <thead>
                    <tr>
                        <th scope="col">{texts.text(key::admin::WHEN)}</th>
                        <th scope="col">{texts.text(key::admin::BY)}</th>
                        <th scope="col">{texts.text(key::admin::BLOCKED_WORD)}</th>
                        <th scope="col">{texts.text(key::admin::BLOCKED_IN)}</th>
                        <th scope="col">{texts.text(key::admin::BLOCKED_TIMES)}</th>
                    </tr>
                </thead>
                <tbody>{blocked.into_iter().map(row).collect_view()}</tbody>
            </table>
        </div>
    }
}
