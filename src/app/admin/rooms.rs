use leptos::prelude::*;

use super::page;
use crate::chat::{RoomId, RoomState};

/// All rooms.
#[derive(Clone, Debug)]
pub struct RoomsView {
    /// By number.
    pub rooms: Vec<RoomRow>,
    /// The name of a room that could not be made; empty at first.
    pub name: String,
    /// Why it could not; empty at first.
    pub error: String,
}

/// A room in the list of whoever runs the chat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomRow {
    /// Its number.
    pub room: RoomId,
    /// Its name.
    pub name: String,
    /// Where it is in its life.
    pub state: RoomState,
    /// How many connections it has now.
    pub viewer_count: usize,
    /// Messages in the last minute.
    pub messages_last_minute: u32,
}

/// The list, and the form to make one more.
pub fn rooms(RoomsView { rooms, name, error }: RoomsView) -> impl IntoView {
    let row = |RoomRow { room, name, state, viewer_count, messages_last_minute }: RoomRow| {
        view! {
            <tr>
                <td class="extra">{room.to_string()}</td>
                <th scope="row"><a href=format!("/rooms/{room}") dir="auto">{name}</a></th>
                <td><span class=format!("state {}", state.name())>{state.name()}</span></td>
                <td class="number">{viewer_count}</td>
                <td class="number extra">{messages_last_minute}</td>
                <td><a href=format!("/admin/rooms/{room}") aria-label=format!("Settings of room {room}")>"Settings"</a></td>
            </tr>
        }
    };
    let is_wrong = !error.is_empty();
    let body = view! {
        <p>"In a room, the button beside a message takes it out, or decides whether its author may go on writing."</p>
        <p><a href="/admin/keys">"Widget keys"</a>": what sites show that embed the chat."</p>
        <p><a href="/admin/people">"People"</a>": who else may do that."</p>
        <div class="wide" role="region" aria-label="Rooms" tabindex="0">
            <table>
                <thead>
                    <tr>
                        <th scope="col" class="extra">"No."</th>
                        <th scope="col">"Name"</th>
                        <th scope="col">"State"</th>
                        <th scope="col" class="number">"Watching"</th>
                        <th scope="col" class="number extra">"Messages a minute"</th>
                        <td></td>
                    </tr>
                </thead>
                <tbody>{rooms.into_iter().map(row).collect_view()}</tbody>
            </table>
        </div>
        <h2 id="new">"New room"</h2>
        <form class="fields" method="post" action="/admin/rooms" aria-labelledby="new">
            <p class="field">
                <label for="name">"Name"</label>
                <input
                    id="name"
                    name="name"
                    type="text"
                    dir="auto"
                    required
                    autocomplete="off"
                    value=name
                    autofocus=is_wrong
                    aria-invalid=is_wrong.then_some("true")
                    aria-describedby="name-error"
                />
            </p>
            <p id="name-error" class="error" role="alert" hidden=!is_wrong>{error}</p>
            <button class="button" type="submit">"Make the room"</button>
        </form>
    };
    page("Rooms", body)
}
