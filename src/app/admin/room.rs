use leptos::prelude::*;

use super::{
    page, path_to,
    rooms::RoomRow,
    settings::{SettingsForm, settings},
};
use crate::chat::RoomState;

/// What whoever runs the chat sees of one room.
#[derive(Clone, Debug)]
pub struct RoomAdmin {
    /// How it is.
    pub row: RoomRow,
    /// What it is set to.
    pub settings: SettingsForm,
    /// Who may not write there at present.
    pub sanctions: Vec<SanctionRow>,
    /// What was just done; may be empty.
    pub done: &'static str,
}

/// Somebody who may not write.
#[derive(Clone, Debug)]
pub struct SanctionRow {
    /// Their user id.
    pub user: String,
    /// What was decided, in words.
    pub measure: String,
    /// Why; may be empty.
    pub reason: String,
    /// How many addresses it holds for.
    pub addresses: usize,
}

/// One room: its state, its settings, who may not write in it.
pub fn room(RoomAdmin { row, settings: form, sanctions, done }: RoomAdmin) -> impl IntoView {
    let RoomRow { room, name, state, viewer_count, messages_last_minute } = row;
    let base = format!("/admin/rooms/{room}");
    let step = move |(to, label): (RoomState, &'static str)| {
        view! { <button class="button quiet" type="submit" name="state" value=to.name()>{label}</button> }
    };
    let next = match state {
        RoomState::Created | RoomState::Ended => (RoomState::Prepared, "Prepare"),
        RoomState::Prepared => (RoomState::Live, "Start"),
        RoomState::Live => (RoomState::Ended, "End"),
    };
    let sanction = {
        let action = format!("{base}/lift");
        move |SanctionRow { user, measure, reason, addresses }: SanctionRow| {
            let label = format!("Let {user} write again");
            view! {
                <tr>
                    <th scope="row"><code>{user.clone()}</code></th>
                    <td>{measure}</td>
                    <td class="number">{addresses}</td>
                    <td dir="auto">{reason}</td>
                    <td>
                        <form method="post" action=action.clone()>
                            <button class="button quiet" type="submit" name="user" value=user aria-label=label>"Lift"</button>
                        </form>
                    </td>
                </tr>
            }
        }
    };
    let has_sanctions = !sanctions.is_empty();
    let body = view! {
        {path_to(&room.to_string(), &name)}
        <p class="done" role="status" hidden=done.is_empty()>{done}</p>
        <form class="states" method="post" action=format!("{base}/state")>
            <p>
                <span class=format!("state {}", state.name())>{state.name()}</span>
                {format!(" {viewer_count} watching, {messages_last_minute} messages in the last minute. ")}
            </p>
            {step(next)}
        </form>
        <p><a href=format!("/rooms/{room}")>"Open the chat"</a>" · "<a href=format!("{base}/log")>"What was done here"</a></p>
        <h2 id="settings">"Settings"</h2>
        {settings(form, base)}
        <h2>"Who may not write"</h2>
        <p hidden=has_sanctions>"Everybody may. In the chat, the button beside a message takes somebody's right to write."</p>
        <div class="wide" role="region" aria-label="Who may not write" tabindex="0" hidden=!has_sanctions>
            <table>
                <thead>
                    <tr>
                        <th scope="col">"User"</th>
                        <th scope="col">"How long"</th>
                        <th scope="col" class="number">"Addresses"</th>
                        <th scope="col">"Why"</th>
                        <td></td>
                    </tr>
                </thead>
                <tbody>{sanctions.into_iter().map(sanction).collect_view()}</tbody>
            </table>
        </div>
    };
    page(view! { <span dir="auto">{name}</span> }, body)
}
