use leptos::prelude::*;

use super::{
    page, path_to,
    rooms::RoomRow,
    settings::{SettingsForm, settings},
    state,
};
use crate::{chat::RoomState, texts::Texts};

/// What whoever runs the chat sees of one room.
#[derive(Clone, Debug)]
pub struct RoomAdmin {
    /// How it is.
    pub row: RoomRow,
    /// What it is set to.
    pub settings: SettingsForm,
    /// Who may not write there at present.
    pub sanctions: Vec<SanctionRow>,
    /// Whether something was just saved.
    pub is_saved: bool,
}

/// Somebody who may not write.
#[derive(Clone, Debug)]
pub struct SanctionRow {
    /// Their user id.
    pub user: String,
    /// The same, percent-encoded: a form would change line breaks in it.
    pub user_in_form: String,
    /// What was decided, in words.
    pub measure: String,
    /// Why; may be empty.
    pub reason: String,
    /// How many addresses it holds for.
    pub addresses: usize,
}

/// One room: its state, its settings, who may not write in it.
pub fn room(texts: &'static Texts, RoomAdmin { row, settings: form, sanctions, is_saved }: RoomAdmin) -> impl IntoView {
    let RoomRow { room, name, state: now, viewer_count, messages_last_minute, waiting } = row;
    let base = format!("/admin/rooms/{room}");
    let step = move |(to, key): (RoomState, &'static str)| {
        view! { <button class="button quiet" type="submit" name="state" value=to.name()>{texts.text(key)}</button> }
    };
    let next = match now {
        RoomState::Created | RoomState::Ended => (RoomState::Prepared, "admin.prepare"),
        RoomState::Prepared => (RoomState::Live, "admin.start"),
        RoomState::Live => (RoomState::Ended, "admin.end"),
    };
    let sanction = {
        let action = format!("{base}/lift");
        move |SanctionRow { user, user_in_form, measure, reason, addresses }: SanctionRow| {
            let label = texts.fill("admin.lift_of", &[("user", &user)]);
            view! {
                <tr>
                    <th scope="row"><code><bdi>{user}</bdi></code></th>
                    <td>{measure}</td>
                    <td class="number">{texts.number(addresses)}</td>
                    <td dir="auto">{reason}</td>
                    <td>
                        <form method="post" action=action.clone()>
                            <button class="button quiet" type="submit" name="user" value=user_in_form aria-label=label>{texts.text("admin.lift")}</button>
                        </form>
                    </td>
                </tr>
            }
        }
    };
    let viewers = texts.count("page.viewers", viewer_count);
    let messages = texts.count("admin.messages_last_minute", messages_last_minute as usize);
    let has_sanctions = !sanctions.is_empty();
    let body = view! {
        {path_to(texts, &room.to_string(), &name)}
        <p class="done" role="status" hidden=!is_saved>{is_saved.then(|| texts.text("admin.saved"))}</p>
        <form class="states" data-live="states" method="post" action=format!("{base}/state")>
            <p>
                {state(texts, now)} " "
                {texts.fill("admin.now", &[("viewers", &viewers), ("messages", &messages)])}
            </p>
            {step(next)}
        </form>
        <p>
            <a href=format!("/rooms/{room}")>{texts.text("admin.open_chat")}</a>" · "
            <a href=format!("{base}/queue") data-live="waiting">{texts.count("page.to_review", waiting)}</a>" · "
            <a href=format!("{base}/log")>{texts.text("admin.done_here")}</a>
        </p>
        <h2 id="settings">{texts.text("admin.settings")}</h2>
        {settings(texts, form, base)}
        <h2>{texts.text("admin.sanctions")}</h2>
        <p hidden=has_sanctions>{texts.text("admin.no_sanctions")}</p>
        <div class="wide" role="region" aria-label=texts.text("admin.sanctions") tabindex="0" hidden=!has_sanctions>
            <table>
                <thead>
                    <tr>
                        <th scope="col">{texts.text("admin.user")}</th>
                        <th scope="col">{texts.text("admin.how_long")}</th>
                        <th scope="col" class="number">{texts.text("admin.addresses")}</th>
                        <th scope="col">{texts.text("admin.why")}</th>
                        <td></td>
                    </tr>
                </thead>
                <tbody>{sanctions.into_iter().map(sanction).collect_view()}</tbody>
            </table>
        </div>
    };
    page(texts, view! { <bdi>{name}</bdi> }, body)
}
